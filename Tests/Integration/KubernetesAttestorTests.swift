import Foundation
import HTTPTesting
import KubernetesTesting
import Testing

/// A real agent whose `k8s` attestor asks a kubelet of this process; its workloads are processes that a process table of the
/// test's own puts into pods.
@Suite("k8s attestor", .serialized)
struct KubernetesAttestorTests {
  private static let token = "token-of-the-agent"

  /// Fetches an X509-SVID as a process in a container.
  private func fetch(_ deployment: Deployment, pod uid: String, container id: String) async throws -> Shell.Result {
    let slice = "kubepods-pod" + uid.replacingOccurrences(of: "-", with: "_")
    // The shell becomes the client: its number, which it enters into the table, stays.
    let script = """
      mkdir -p "$1/$$" && cp /proc/$$/stat /proc/$$/status "$1/$$/" &&
      echo "0::/kubepods.slice/$2.slice/cri-containerd-$3.scope" >"$1/$$/cgroup" &&
      exec "$4" api fetch x509 -socketPath "$5" -timeout 20s
      """
    return try await Shell.run(
      "/bin/sh",
      ["-c", script, "sh", deployment.directory + "/proc", slice, id, Programs.agent, deployment.agentSocket])
  }

  @Test("pods get the identities of their selectors, late ones too", .timeLimit(.minutes(4)))
  func pods() async throws {
    let cluster = try TestCluster()
    cluster.issue(Self.token, to: .init("system:serviceaccount:spire:spire-agent"), mayDoAll: false)
    cluster.allow(.init("system:serviceaccount:spire:spire-agent", "get", "nodes/proxy"))
    var web = TestPod("web-0", uid: TestPod.uid(1), containers: [.init("web", id: TestPod.id(1))])
    web.namespace = "shop"
    web.serviceAccount = "web"
    cluster.put(web)
    let deployment = try Deployment()
    let directory = deployment.directory
    try FileManager.default.createDirectory(atPath: directory + "/proc", withIntermediateDirectories: true)
    // It shows the processes of this PID namespace, as the agent asks of a process table.
    try FileManager.default.createSymbolicLink(atPath: directory + "/proc/self", withDestinationPath: "/proc/self")
    let authority = Data(cluster.authority.der).base64EncodedString()
    try "-----BEGIN CERTIFICATE-----\n\(authority)\n-----END CERTIFICATE-----\n"
      .write(toFile: directory + "/kubelet-ca.pem", atomically: true, encoding: .utf8)
    try Self.token.write(toFile: directory + "/token", atomically: true, encoding: .utf8)

    try await TestKubelet.with(cluster, certificate: TestKubelet.certificate(cluster, node: "localhost")) { kubelet in
      deployment.agentPlugins = """
        WorkloadAttestor "k8s" { plugin_data {
          kubelet_secure_port = \(kubelet.port)
          kubelet_ca_path = "\(directory)/kubelet-ca.pem"
          token_path = "\(directory)/token"
          node_name = "localhost"
        } }
        """
      try await deployment.startServer()
      try await deployment.writeBundle()
      let token = try await deployment.createToken(alias: "/host")
      try await deployment.createEntry("/web", selector: "k8s:ns:shop", more: ["-selector", "k8s:sa:web"])
      try await deployment.createEntry("/late", selector: "k8s:pod-name:late-0")
      try await deployment.startAgent(
        token: token, waitForHealth: false, environment: ["HOST_PROC": directory + "/proc"])
      // The agent looks after its own socket as a workload does.
      let agent = try #require(deployment.agent)
      try FileManager.default.createSymbolicLink(
        atPath: "\(directory)/proc/\(agent.pid)", withDestinationPath: "/proc/\(agent.pid)")
      try await eventually("the agent is healthy", log: { agent.log }) {
        try await deployment.agentCommand(["healthcheck"]).status == 0
      }

      let served = try await fetch(deployment, pod: TestPod.uid(1), container: TestPod.id(1))
      #expect(served.status == 0, "\(served.everything)\n\(deployment.agent?.log.suffix(4000) ?? "")")
      #expect(served.stdout.contains("spiffe://example.org/web"), "\(served.everything)")

      // The kubelet tells about the pod when the agent has asked for it three times.
      let before = kubelet.requestCount
      kubelet.script.fail { request in
        if request >= before + 3 {
          cluster.put(TestPod("late-0", uid: TestPod.uid(2), containers: [.init("web", id: TestPod.id(2))]))
        }
        return nil
      }
      let late = try await fetch(deployment, pod: TestPod.uid(2), container: TestPod.id(2))
      #expect(late.stdout.contains("spiffe://example.org/late"), "\(late.everything)")
      #expect(!late.stdout.contains("spiffe://example.org/web"), "\(late.everything)")

      let log = deployment.agent?.log ?? ""
      #expect(!log.contains(Self.token))
      #expect(log.contains("Container id not found; will retry after backoff"))
    }
  }
}
