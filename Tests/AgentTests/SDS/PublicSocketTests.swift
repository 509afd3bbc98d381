import DaemonTesting
import EnvoyProtos
import Foundation
import GRPCCore
import RPC
import SPIREProtos
import Testing
import WorkloadProtos

@testable import Agent
@testable import Daemon

/// What is on the workloads' socket, by `disable_workload_api` and `disable_sds_api`.
@Suite struct PublicSocketTests {
  @Test(arguments: [
    (workload: true, sds: true, name: "Workload and SDS APIs"), (true, false, "Workload API"),
    (false, true, "SDS API"),
  ])
  func switches(_ workload: Bool, _ sds: Bool, _ name: String) async throws {
    try await withFolder { folder in
      let log = LogCapture()
      let recorded = RecordedMetrics()
      let agent = try await TestAgent(directory: folder)
      agent.earlySync.syncBegins()
      agent.earlySync.syncEnded(.failed)
      let path = folder + "/api.sock"
      let configuration = try agentConfiguration(
        AgentFile.with(
          agent: "socket_path = \"\(path)\" disable_workload_api = \(!workload) disable_sds_api = \(!sds)"
            + " sds { default_bundle_name = \"CA\" }"))
      let endpoints = AgentEndpoints(
        configuration: configuration, health: AgentHealth(socketPath: nil), logger: log.logger,
        metrics: recorded.metrics, time: SystemTime())
      let endpoint = try #require(try endpoints.workloads(agent.workloadAPI()))
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await endpoint.run() }
        try await withUnixClient(path) { client in
          var request = DiscoveryRequest()
          request.resourceNames = ["CA"]
          let secrets = await code {
            let response = try await Envoy_Service_Secret_V3_SecretDiscoveryService.Client(wrapping: client)
              .fetchSecrets(request)
            #expect(response.resources.count == 1)
          }
          #expect(secrets == (sds ? nil : .unimplemented))
          let bundles = await code {
            try await WorkloadSpiffeWorkloadAPI.Client(wrapping: client).fetchX509Bundles(
              .init(), metadata: ["workload.spiffe.io": "true"]
            ) { for try await _ in $0.messages {} }
          }
          #expect(bundles == (workload ? .permissionDenied : .unimplemented))
          let listed = try await services(client)
          #expect(listed.contains("envoy.service.secret.v3.SecretDiscoveryService") == sds)
          #expect(listed.contains("SpiffeWorkloadAPI") == workload)
        }
        group.cancelAll()
        // How an endpoint ends that was cancelled is its own business.
        do { while try await group.next() != nil {} } catch {}
      }
      #expect(log.first("Starting agent APIs")?.fields["apis"] == name)
      #expect((recorded.value("sds_api.connection") != nil) == sds)
    }
  }

  private func code(_ body: () async throws -> Void) async -> RPCError.Code? {
    do {
      try await body()
      return nil
    } catch { return (error as? RPCError)?.code }
  }

  /// The services that reflection names; the files of each are there too.
  private func services(_ client: RPCClient) async throws -> [String] {
    let reflection = Grpc_Reflection_V1_ServerReflection.Client(wrapping: client)
    var list = Grpc_Reflection_V1_ServerReflectionRequest()
    list.listServices = "*"
    var file = Grpc_Reflection_V1_ServerReflectionRequest()
    file.fileContainingSymbol = "envoy.service.secret.v3.SecretDiscoveryService"
    let requests = [list, file]
    let answers = try await reflection.serverReflectionInfo { writer in
      try await writer.write(contentsOf: requests)
    } onResponse: { response in
      try await response.messages.reduce(into: []) { $0.append($1) }
    }
    let names = answers.first?.listServicesResponse.service.map(\.name) ?? []
    let hasFile = !(answers.last?.fileDescriptorResponse.fileDescriptorProto.isEmpty ?? true)
    #expect(hasFile)
    return names
  }
}
