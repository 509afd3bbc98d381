package import DaemonTesting
package import Foundation
package import KubernetesTesting
import NodeProofs
import Plugins
package import ServerPlugins
import Synchronization

/// A cluster with one agent, and the server's half of `k8s_psat` outside of it, which asks the cluster's API server as a
/// kubeconfig says.
package struct PSATSetting: Sendable {
  /// Whom the API server knows the server as.
  package static let account = "system:serviceaccount:spire:spire-server"
  package static let podUID = "79261129-6b60-11e9-9054-0800277ac80f"
  package static let nodeUID = "5dbb7b21-65fe-11e9-b1b0-0800277ac80f"

  /// A clock that a test moves.
  package final class Clock: Sendable {
    private let stored = Mutex(Date())
    package var now: Date { stored.withLock { $0 } }
    package func advance(_ seconds: TimeInterval) { stored.withLock { $0 += seconds } }
  }

  package let cluster: TestCluster
  package let server: TestAPIServer
  package let tokens: TestTokens
  /// The agent's pod.
  package let agent: TestPod
  package let clock: Clock
  /// Of the kubeconfig `config`, and of the service account of a server that is in the cluster.
  package let folder: String
  package let log = LogCapture()

  package static func agentPod() -> TestPod {
    var pod = TestPod("spire-agent-v5wgr", uid: podUID)
    pod.namespace = "spire"
    pod.serviceAccount = "spire-agent"
    pod.labels = [("app.kubernetes.io/name", "agent"), ("version", "a:b/c"), ("secret", "x")]
    return pod
  }

  package static func with(_ body: @Sendable (PSATSetting) async throws -> Void) async throws {
    let cluster = try TestCluster()
    cluster.issue("server-token", to: .init(account), mayDoAll: false)
    cluster.allow(.init(account, "create", "tokenreviews.authentication.k8s.io"))
    cluster.allow(.init(account, "get", "pods"))
    cluster.allow(.init(account, "get", "nodes"))
    let agent = agentPod()
    cluster.put(agent)
    cluster.putNode(uid: nodeUID, labels: [("topology.kubernetes.io/zone", "z1"), ("secret", "y"), ("empty", "")])
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("psat-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let clock = Clock()
    try await TestAPIServer.with(cluster) { server in
      let tokens = TestTokens { clock.now }
      tokens.serve(server)
      try cluster.kubeConfig(port: server.port, token: "server-token")
        .write(toFile: folder + "/config", atomically: true, encoding: .utf8)
      try await body(
        PSATSetting(cluster: cluster, server: server, tokens: tokens, agent: agent, clock: clock, folder: folder))
    }
  }

  /// The configuration of the cluster `east`.
  package func configuration(_ more: String = "") -> String {
    """
    clusters = {
      "east" = {
        service_account_allow_list = ["spire:spire-agent", "other:agent"]
        kube_config_file = "\(folder)/config"
        \(more)
      }
    }
    """
  }

  package func attestor(_ text: String? = nil) async throws -> K8sPSATAttestor {
    let attestor = K8sPSATAttestor(
      host: try TestHost(), surroundings: .init(environment: server.environment, serviceAccount: folder),
      logger: log.logger)
    try await attestor.configure(PluginData(text: text ?? configuration()))
    return attestor
  }

  package static func payload(_ token: String, cluster: String = "east") -> [UInt8] {
    K8sPSATMessages.Payload(cluster: cluster, token: token).encoded
  }

  /// The outcome of an attestation in which the agent is asked nothing.
  package static func attest(_ attestor: K8sPSATAttestor, _ payload: [UInt8]) async throws -> Attested {
    Attested(try await attestor.attest(payload, with: TestAgentSide { _ in throw CancellationError() }))
  }

  /// Code and text of a refusal.
  package static func says(_ attestor: K8sPSATAttestor, _ payload: [UInt8]) async throws -> String {
    try await refusal { try await attest(attestor, payload) }
  }
}
