import Foundation
import KubernetesTesting
import Synchronization
import Testing

/// A real server and a real agent with `k8s_psat`; the cluster's API server is in this process.
@Suite("k8s_psat", .serialized)
struct KubernetesNodeTests {
  private static let account = "system:serviceaccount:spire:spire-server"

  private static func agentPod() -> TestPod {
    var pod = TestPod("spire-agent-x1", uid: "pod-uid")
    pod.namespace = "spire"
    pod.serviceAccount = "spire-agent"
    return pod
  }

  /// Starts the agent again whenever it ends, as Kubernetes does, until `condition` holds.
  private func keepAgent(
    _ deployment: Deployment, _ environment: [String: String], until what: String, _ condition: () async throws -> Bool
  ) async throws {
    try await eventually(
      what, log: { (deployment.agent?.log ?? "") + (deployment.server?.log.suffix(3000) ?? "") }
    ) {
      if deployment.agent?.isRunning != true {
        try await deployment.startAgent(token: nil, waitForHealth: false, environment: environment)
      }
      return try await condition()
    }
  }

  @Test(
    "missing rights, attestation, an SVID and a token that ended, a token that was replaced",
    .enabled(if: ShiftedClock.library != nil, "needs a C compiler"), .timeLimit(.minutes(3)))
  func lifeOfAnAgent() async throws {
    let cluster = try TestCluster()
    cluster.issue("server-token", to: .init(Self.account), mayDoAll: false)
    let pod = Self.agentPod()
    cluster.put(pod)
    cluster.putNode(uid: "node-uid", labels: [("zone", "z1")])
    let later = Mutex<TimeInterval>(0)
    let tokens = TestTokens { Date() + later.withLock { $0 } }
    let deployment = try Deployment(serverOptions: "agent_ttl = \"30m\"")
    let folder = deployment.directory
    let clock = try ShiftedClock(directory: folder)
    deployment.serverNodeAttestor = """
      NodeAttestor "k8s_psat" { plugin_data { clusters = { "east" = {
        service_account_allow_list = ["spire:spire-agent"]
        kube_config_file = "\(folder)/kubeconfig"
        allowed_node_label_keys = ["zone"]
      } } } }
      """
    deployment.agentNodeAttestor = """
      NodeAttestor "k8s_psat" { plugin_data { cluster = "east", token_path = "\(folder)/token" } }
      """
    @Sendable func write(_ text: String, _ name: String) throws {
      try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
    }
    try await TestAPIServer.with(cluster) { api in
      tokens.serve(api)
      try write(cluster.kubeConfig(port: api.port, token: "server-token"), "kubeconfig")
      let first = try tokens.issue(to: pod)
      try write(first, "token")
      try await deployment.startServer(environment: clock.environment)
      try await deployment.writeBundle()
      try await deployment.createEntries(
        host: "k8s_psat:cluster:east", "k8s_psat:agent_sa:spire-agent", "k8s_psat:agent_node_label:zone:z1")
      let server = try #require(deployment.server)

      // The server may do nothing in the cluster; both logs say what is missing.
      let missing = "needs a ClusterRole with the verb \\\"create\\\" for the resource \\\"tokenreviews\\\""
      try await keepAgent(deployment, clock.environment, until: "the refusal") { server.log.contains(missing) }
      try await eventually("the agent's word", log: { deployment.agent?.log ?? "" }) {
        deployment.agent?.log.contains("tokenreviews.authentication.k8s.io is forbidden") == true
      }

      cluster.allow(.init(Self.account, "create", "tokenreviews.authentication.k8s.io"))
      cluster.allow(.init(Self.account, "get", "pods"))
      cluster.allow(.init(Self.account, "get", "nodes"))
      try await keepAgent(deployment, clock.environment, until: "an identity") {
        try await deployment.hasIdentity(clock)
      }
      let path = "/spire/agent/k8s_psat/east/node-uid"
      let shown = try await deployment.show(path)
      for selector in ["agent_pod_name:spire-agent-x1", "agent_node_label:zone:z1", "agent_node_ip:10.0.0.1"] {
        #expect(shown.contains("k8s_psat:" + selector), "\(shown)")
      }
      #expect(shown.contains("Can re-attest"))

      // The agent was away for longer than its SVID and its token last.
      #expect(await deployment.agent?.stop() == 0)
      try clock.set(2400)
      later.withLock { $0 = 3601 }
      try await keepAgent(deployment, clock.environment, until: "the old token's refusal") {
        server.log.contains("service account token has expired")
      }
      try write(try tokens.issue(to: pod), "token")
      try await keepAgent(deployment, clock.environment, until: "an identity again") {
        try await deployment.hasIdentity(clock)
      }
      #expect(deployment.attestations >= 1)
      #expect(try await deployment.agents() == [path])
      for secret in ["server-token", first] {
        #expect(!server.log.contains(secret))
        #expect(deployment.agent?.log.contains(secret) == false)
      }
    }
  }
}
