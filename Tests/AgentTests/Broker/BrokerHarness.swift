import AgentPlugins
import Foundation
import GRPCCore
import Keys
import RPC
import SPIFFE
import SwiftProtobuf
import TLS
import WorkloadProtos

@testable import Agent
@testable import Daemon

/// An agent whose broker API is served on a Unix socket and a TCP port, and clients of it.
struct BrokerHarness: Sendable {
  typealias Client = Spiffe_Broker_API.Client<ReconnectingTransport>
  static let header: Metadata = ["broker.spiffe.io": "true"]

  let agent: TestAgent
  /// A foreign trust domain, which the agent federates with.
  let foreign: TestCA
  let path: String
  let port: Int

  /// Knows objects, or says what the test wants.
  struct ObjectAttestor: WorkloadAttestor {
    var name = "k8s"
    var result: Result<[String], AgentPluginError> = .failure(
      AgentPluginError(.unimplemented, "workloadattestor(k8s): only objects can be attested"))

    func attest(pid: Int32) async throws(AgentPluginError) -> [String] {
      throw AgentPluginError(.internalError, "workloadattestor(k8s): not asked for")
    }

    func attest(
      _ reference: WorkloadReference, for broker: SPIFFEID?
    ) async throws(AgentPluginError) -> [String] {
      guard case .kubernetesObject(let object) = reference else {
        throw AgentPluginError(.unimplemented, "workloadattestor(k8s): only objects can be attested")
      }
      return try result.get() + ["name:\(object.name)", "broker:\(broker?.path ?? "")"]
    }
  }

  static func settings(_ folder: String) throws -> BrokerSettings {
    BrokerSettings(
      socketPath: folder + "/broker.sock", listenAddress: try ListenAddress("127.0.0.1:0"),
      brokers: [
        try SPIFFEID("spiffe://example.org/broker"): .init(
          overTCP: [BrokerReference.pidURL: false, BrokerReference.kubernetesURL: true]),
        try SPIFFEID("spiffe://example.org/any"): .init(overTCP: ["*": true]),
        try SPIFFEID("spiffe://other.org/broker"): .init(overTCP: ["*": false]),
      ])
  }

  static func run(
    attestors: [any WorkloadAttestor] = [FixedAttestor(values: ["uid:1"]), ObjectAttestor()], metrics: Metrics = .none,
    _ body: @Sendable @escaping (BrokerHarness) async throws -> Void
  ) async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let foreign = try TestCA("other.org", now: agent.time.now)
      agent.server.change { $0.federated[foreign.trustDomain] = foreign.bundle() }
      for entry in try DelegatedIdentityTests.entries() { agent.server.put(entry) }
      try await agent.syncAndSign()
      agent.withoutEarlySync()
      let settings = try settings(folder)
      let parts = BrokerParts(settings, agent.adminParts(metrics: metrics, attestors: attestors))
      let endpoints = try BrokerEndpoints(parts, policy: TLSPolicy(), processes: HostProcesses(), logger: agent.logger)
        .open()
      let ports = endpoints.compactMap { if case .tcp(let address) = $0.address { address.port } else { nil } }
      let harness = BrokerHarness(agent: agent, foreign: foreign, path: folder + "/broker.sock", port: ports.first ?? 0)
      try await running(endpoints[0]) { try await running(endpoints[1]) { try await body(harness) } }
    }
  }

  /// An X509-SVID of a broker.
  func credential(_ path: String = "/broker", of ca: TestCA? = nil, lifetime: TimeInterval = 3600) throws
    -> TLSCredential
  {
    let ca = ca ?? agent.ca
    let key = try SoftwareKey(generating: .ecP256)
    let id = try SPIFFEID(trustDomain: ca.trustDomain, path: path)
    let csr = try CertificateRequest.makeNow(key: key, id: id)
    return TLSCredential(
      chain: try ca.sign(csr: csr, id: id, now: agent.time.now, lifetime: lifetime), key: .der(key.pkcs8))
  }

  func tls(_ credential: @escaping @Sendable () throws -> TLSCredential?) -> ClientTLS {
    let bundle = agent.ca.bundle()
    return ClientTLS(
      server: .spiffe(id: agent.server.agentID, bundle: { bundle }), now: { [agent] in agent.time.now },
      credential: credential)
  }

  func overUnix(
    _ credential: TLSCredential?, _ body: @Sendable @escaping (RPCClient) async throws -> Void
  ) async throws {
    try await withUnixClient(path, tls: tls { credential }) { try await body($0) }
  }

  func overTCP(
    _ credential: TLSCredential?, _ body: @Sendable @escaping (RPCClient) async throws -> Void
  ) async throws {
    try await withTLSClient(host: "127.0.0.1", port: port, tls: tls { credential }) { try await body($0) }
  }
}

extension Spiffe_Broker_WorkloadReference {
  static func pid(_ pid: Int32) throws -> Self {
    let value = try Spiffe_Broker_WorkloadPIDReference.with { $0.pid = pid }.serializedData()
    return of(BrokerReference.pidURL, value)
  }

  static func pod(_ name: String) throws -> Self {
    let object = Spiffe_Broker_KubernetesObjectReference.with { message in
      message.type = .with {
        $0.plural = "pods"
        $0.group = "core"
      }
      message.key = .with {
        $0.namespace = "default"
        $0.name = name
      }
    }
    return of(BrokerReference.kubernetesURL, try object.serializedData())
  }

  static func of(_ url: String, _ value: Data = Data()) -> Self {
    .with { message in
      message.reference = .with {
        $0.typeURL = url
        $0.value = value
      }
    }
  }
}
