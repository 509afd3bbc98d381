package import AgentPlugins
package import EnvoyProtos
package import GRPCCore
package import RPC

/// Envoy's secret discovery service on gRPC: finds the caller, passes on messages. Stateless. Needs no security header:
/// Envoy sends none.
package struct SecretDiscoveryService: Envoy_Service_Secret_V3_SecretDiscoveryService.SimpleServiceProtocol {
  /// Everybody who reaches the socket may call; what they get is decided by attestation.
  package static let policies = Envoy_Service_Secret_V3_SecretDiscoveryService.Method.descriptors.map {
    MethodPolicy($0, callers: .any, audit: .none)
  }

  private let discovery: SecretDiscovery
  private let processes: HostProcesses

  package init(_ discovery: SecretDiscovery, processes: HostProcesses) {
    self.discovery = discovery
    self.processes = processes
  }

  package func streamSecrets(
    request: RPCAsyncSequence<Envoy_Service_Discovery_V3_DiscoveryRequest, any Error>,
    response: RPCWriter<Envoy_Service_Discovery_V3_DiscoveryResponse>, context: ServerContext
  ) async throws {
    let call = try WorkloadAPI.Call(.streamSecrets, context, processes)
    try await streaming {
      try await discovery.stream(call, requests: request.map { try SecretRequest($0) }) {
        try await response.write($0.message)
      }
    }
  }

  package func deltaSecrets(
    request: RPCAsyncSequence<Envoy_Service_Discovery_V3_DeltaDiscoveryRequest, any Error>,
    response: RPCWriter<Envoy_Service_Discovery_V3_DeltaDiscoveryResponse>, context: ServerContext
  ) async throws {
    let call = try WorkloadAPI.Call(.deltaSecrets, context, processes)
    try await streaming {
      try await discovery.stream(call, requests: request.map { try SecretRequest($0) }) {
        try await response.write($0.deltaMessage)
      }
    }
  }

  package func fetchSecrets(
    request: Envoy_Service_Discovery_V3_DiscoveryRequest, context: ServerContext
  ) async throws -> Envoy_Service_Discovery_V3_DiscoveryResponse {
    let call = try WorkloadAPI.Call(.fetchSecrets, context, processes)
    do {
      return try await discovery.fetch(call, SecretRequest(request)).message
    } catch let error as AgentError { throw RPCFailure(error) }
  }

  /// A client that leaves ends its stream in good order.
  private func streaming(_ body: () async throws -> Void) async throws {
    do { try await body() } catch let error as AgentError { throw RPCFailure(error) } catch is CancellationError {}
  }
}
