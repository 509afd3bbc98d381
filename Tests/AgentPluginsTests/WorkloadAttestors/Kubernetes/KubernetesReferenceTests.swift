import Daemon
import DaemonTesting
import Foundation
import HTTPTesting
import KubernetesTesting
import NIOHTTP1
import SPIFFE
import Testing

@testable import AgentPlugins

/// Namespaces' labels, and what brokers name, against an API server over TLS.
@Suite(.timeLimit(.minutes(3))) struct KubernetesReferenceTests {
  static let pid: Int32 = 4711
  static let broker = "spiffe://example.org/broker"
  static let flux = TestResource("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization")

  struct Setting: Sendable {
    let host: KubernetesHost
    let kubelet: TestKubelet
    let server: TestAPIServer
    let attestor: KubernetesAttestor

    /// The selectors of what a reference names, or the error.
    func find(
      _ reference: KubernetesObjectReference, broker: String? = KubernetesReferenceTests.broker
    ) async throws -> Result<[String], AgentPluginError> {
      let id = try broker.map { try SPIFFEID($0) }
      do { return .success(try await attestor.attest(.kubernetesObject(reference), for: id)) } catch {
        return .failure(error)
      }
    }

    func expect(
      _ reference: KubernetesObjectReference, _ code: AgentPluginError.Code, _ message: String,
      at location: SourceLocation = #_sourceLocation
    ) async throws {
      switch try await find(reference) {
      case .success(let values): Issue.record("found \(values)", sourceLocation: location)
      case .failure(let error):
        #expect(error.code == code, sourceLocation: location)
        #expect(error.message == "workloadattestor(k8s): " + message, sourceLocation: location)
      }
    }
  }

  static func settings(
    policy: String = "permissive", scope: String = "cluster", more: String = ""
  ) -> (experimental: String, more: String) {
    (
      """
      broker {
        access_policy = "\(policy)"
        brokers = [{ id = "\(broker)", pod_reference_scope = "\(scope)" }]
      }
      """, more
    )
  }

  func with(
    _ settings: (experimental: String, more: String), kubelet usesKubelet: Bool = true,
    _ body: @Sendable (Setting) async throws -> Void
  ) async throws {
    let host = try KubernetesHost()
    let cluster = host.cluster
    cluster.define(Self.flux)
    cluster.putNamespace("default", labels: [("team", "blue"), ("env", "prod")])
    var pod = TestPod("web-1", uid: TestPod.uid(1), containers: [.init("web", id: TestPod.id(1))])
    pod.owners = [.init("apps/v1", "ReplicaSet", "web", uid: "rs")]
    cluster.put(pod)
    var far = TestPod("far", uid: TestPod.uid(2), containers: [.init("web", id: TestPod.id(2))])
    far.node = "node-2"
    cluster.put(far)
    cluster.put(
      TestObject.make(
        Self.flux, "apps", namespace: "default", uid: "flux-1", labels: [("b", "2"), ("a", "1")],
        owners: [
          .init("apps/v1", "Deployment", "flux", uid: "d-1"), .init("v1", "Node", "n", uid: "n-1", isController: false),
        ]
      ), Self.flux)
    cluster.put(TestObject.make(.clusterRoles, "system:node", uid: "role-1"), .clusterRoles)
    cluster.put(TestObject.make(.deployments, "web", namespace: "default", uid: "dep-1"), .deployments)
    try host.run(Self.pid, pod: TestPod.uid(1), container: TestPod.id(1))
    let certificate = try TestKubelet.certificate(cluster)
    try await TestKubelet.with(cluster, certificate: certificate) { kubelet in
      try await TestAPIServer.with(cluster) { server in
        let base = usesKubelet ? host.settings(kubelet.port) : "disable_kubelet_client = true"
        let text = base + "\n\(settings.more)\nexperimental {\n\(settings.experimental)\n}"
        try await host.withAttestor(text, environment: server.environment) { (attestor) async throws in
          try await body(Setting(host: host, kubelet: kubelet, server: server, attestor: attestor))
        }
      }
    }
  }

  static func object(
    _ plural: String, _ group: String, _ namespace: String = "", _ name: String = "", uid: String = ""
  ) -> KubernetesObjectReference {
    KubernetesObjectReference(
      plural: plural, group: group, namespace: namespace, name: name, hasKey: !name.isEmpty, uid: uid)
  }

  // MARK: Namespaces

  @Test func labelsOfTheNamespaceAreSelectors() async throws {
    try await with(("", "enable_namespace_labels = true")) { (setting) async throws in
      let values = try await setting.attestor.attest(pid: Self.pid)
      #expect(values.suffix(2) == ["ns-label:env:prod", "ns-label:team:blue"])
      #expect(setting.server.requests == ["GET /api/v1/namespaces/default"])
      let accept = setting.server.server.script.requests[0].headers.first(name: "Accept")
      #expect(accept == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
    }
  }

  @Test func withoutRightsTheMessageSaysWhichOne() async throws {
    try await with(("", "enable_namespace_labels = true")) { (setting) async throws in
      setting.host.cluster.forbid("system:serviceaccount:spire:spire-agent")
      setting.host.cluster.allow(.init("system:serviceaccount:spire:spire-agent", "get", "nodes/proxy"))
      let error = await #expect(throws: AgentPluginError.self) { try await setting.attestor.attest(pid: Self.pid) }
      #expect(error?.code == .internalError)
      #expect(
        error?.message == "workloadattestor(k8s): unable to get namespace labels for \"default\": unable to get "
          + "namespace \"default\": namespaces \"default\" is forbidden: User \"system:serviceaccount:spire:spire-agent\" "
          + "cannot get resource \"namespaces\" in API group \"\" at the cluster scope")
    }
  }

  @Test func manyCallersAskOnceForTheirNamespace() async throws {
    try await with(("", "enable_namespace_labels = true")) { (setting) async throws in
      let gate = Gate()
      let namespace = try #require(setting.host.cluster.object(.namespaces, namespace: "", name: "default"))
      setting.server.script.fail { _ in .held(gate, .json(namespace)) }
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for _ in 0..<50 {
          group.addTask { try await setting.attestor.attest(pid: Self.pid).contains("ns-label:env:prod") }
        }
        await gate.waitUntilHeld()
        gate.open()
        for try await hasLabel in group { #expect(hasLabel) }
      }
      // Callers that come when the answer is there ask anew; those that came before do not.
      #expect(setting.server.requests.count < 50)
    }
  }

  @Test func outsideOfAClusterTheMessageSaysSo() async throws {
    let host = try KubernetesHost()
    host.cluster.put(TestPod("web-1", uid: TestPod.uid(1), containers: [.init("web", id: TestPod.id(1))]))
    try host.run(Self.pid, pod: TestPod.uid(1), container: TestPod.id(1))
    try await TestKubelet.with(host.cluster, certificate: TestKubelet.certificate(host.cluster)) { kubelet in
      try await host.withAttestor(host.settings(kubelet.port, "enable_namespace_labels = true")) {
        (attestor) async throws in
        let error = await #expect(throws: AgentPluginError.self) { try await attestor.attest(pid: Self.pid) }
        #expect(error?.message.hasSuffix("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined") == true)
      }
    }
  }

  @Test func theServiceAccountsFilesAreReadEachTime() async throws {
    try await with(Self.settings()) { (setting) async throws in
      let reference = Self.object("deployments", "apps", "default", "web")
      _ = try await setting.find(reference).get()
      setting.host.cluster.expire(KubernetesHost.token)
      guard case .failure(let error) = try await setting.find(reference) else { return }
      #expect(error.message == "workloadattestor(k8s): unable to get Deployment: Unauthorized")
      setting.host.cluster.issue("fresh", to: .init("fresh"))
      try setting.host.write("fresh", to: "account/token")
      _ = try await setting.find(reference).get()
      let stranger = try TestPKI("stranger.test")
      setting.server.server.script.present(try stranger.server(addresses: [[127, 0, 0, 1]]))
      guard case .failure(let refused) = try await setting.find(reference) else { return }
      #expect(refused.message.contains("failed to verify certificate"))
      #expect(!setting.host.log.text.contains("fresh"))
    }
  }

  // MARK: Pods

  @Test func podsOfTheNodeAreFoundWithoutTheAPIServer() async throws {
    try await with(Self.settings(scope: "agent_node")) { (setting) async throws in
      let byName = try await setting.find(Self.object("pods", "core", "default", "web-1")).get()
      #expect(byName.contains("pod-uid:\(TestPod.uid(1))") && !byName.contains { $0.hasPrefix("container-") })
      #expect(try await setting.find(Self.object("pods", "core", uid: TestPod.uid(1))).get() == byName)
      #expect(
        try await setting.find(Self.object("pods", "core", "default", "web-1", uid: TestPod.uid(1))).get() == byName)
      try await setting.expect(
        Self.object("pods", "core", "default", "far"), .notFound, "pod default/far not found on agent node")
      try await setting.expect(
        Self.object("pods", "core", uid: TestPod.uid(2)), .notFound,
        "pod with UID \(TestPod.uid(2)) not found on agent node")
      try await setting.expect(
        Self.object("pods", "core", "default", "web-1", uid: "other"), .notFound,
        "pod default/web-1 has UID \(TestPod.uid(1)), expected other")
      try await setting.expect(
        Self.object("pods", "core", "", "web-1"), .invalidArgument,
        "namespace is required when name is set for a namespaced resource")
      #expect(setting.server.requests == [])
    }
  }

  @Test func podsOfOtherNodesAreTheAPIServers() async throws {
    try await with(Self.settings()) { (setting) async throws in
      let byName = try await setting.find(Self.object("pods", "core", "default", "far")).get()
      #expect(byName.contains("node-name:node-2") && byName.contains("pod-image-count:1"))
      #expect(try await setting.find(Self.object("pods", "core", uid: TestPod.uid(2))).get() == byName)
      try await setting.expect(
        Self.object("pods", "core", "default", "none"), .notFound, "pod default/none not found")
      try await setting.expect(Self.object("pods", "core", uid: "none"), .notFound, "Pod with UID none not found")
      // The kubelet is away: the API server knows.
      setting.kubelet.script.fail { _ in .hangUp }
      while setting.attestor.parts?.pods?.holdsList == true, !Task.isCancelled { await Task.yield() }
      #expect(try await setting.find(Self.object("pods", "core", "default", "web-1")).get().contains("pod-name:web-1"))
    }
  }

  @Test func withoutKubeletProcessesCannotBeAttested() async throws {
    try await with(Self.settings(), kubelet: false) { (setting) async throws in
      let error = await #expect(throws: AgentPluginError.self) { try await setting.attestor.attest(pid: Self.pid) }
      #expect(error?.code == .failedPrecondition)
      #expect(error?.message == "workloadattestor(k8s): kubelet client is disabled")
      #expect(try await setting.find(Self.object("pods", "core", "default", "web-1")).get().contains("pod-name:web-1"))
      #expect(setting.kubelet.requestCount == 0)
    }
  }

  // MARK: Other objects

  @Test func otherObjectsHaveTheirOwnSelectors() async throws {
    try await with(Self.settings(more: "enable_namespace_labels = true")) { (setting) async throws in
      let expected = [
        "uid:flux-1", "resource:kustomizations.kustomize.toolkit.fluxcd.io", "plural:kustomizations",
        "group:kustomize.toolkit.fluxcd.io", "version:v1", "apiVersion:kustomize.toolkit.fluxcd.io/v1",
        "kind:Kustomization", "name:apps", "namespace:default", "key:default/apps", "label:a:1", "label:b:2",
        "owner-key:apps/Deployment/flux", "owner-uid:apps/Deployment/d-1", "controller-key:apps/Deployment/flux",
        "controller-uid:apps/Deployment/d-1", "owner-key:core/Node/n", "owner-uid:core/Node/n-1", "ns-label:env:prod",
        "ns-label:team:blue",
      ]
      let group = Self.flux.group
      #expect(try await setting.find(Self.object("kustomizations", group, "default", "apps")).get() == expected)
      #expect(try await setting.find(Self.object("kustomizations", group, uid: "flux-1")).get() == expected)
    }
  }

  @Test func clusterScopedAndCoreObjects() async throws {
    try await with(Self.settings()) { (setting) async throws in
      let role = try await setting.find(
        Self.object("clusterroles", "rbac.authorization.k8s.io", "", "system:node")
      ).get()
      #expect(role.contains("key:system:node") && !role.contains { $0.hasPrefix("namespace:") })
      let namespace = try await setting.find(Self.object("namespaces", "core", "", "default")).get()
      #expect(namespace.contains("group:core") && namespace.contains("apiVersion:v1"))
      #expect(namespace.contains("resource:namespaces.core") && namespace.contains("label:env:prod"))
      // Of a group's versions the preferred one counts.
      let deployment = try await setting.find(Self.object("deployments", "apps", "default", "web")).get()
      #expect(deployment.contains("version:v1"))
    }
  }

  @Test func referencesAreChecked() async throws {
    try await with(Self.settings()) { (setting) async throws in
      var reference = Self.object("deployments", "apps", "default", "web")
      reference.hasType = false
      try await setting.expect(reference, .invalidArgument, "object reference is missing type")
      try await setting.expect(
        Self.object("", "apps", "a", "b"), .invalidArgument, "object reference type is missing plural")
      try await setting.expect(
        Self.object("pods", "", "a", "b"), .invalidArgument, "object reference type is missing group")
      try await setting.expect(
        Self.object("pods", "core"), .invalidArgument, "object reference is missing key and UID")
      reference = KubernetesObjectReference(plural: "pods", group: "core", namespace: "a", hasKey: true, uid: "u")
      try await setting.expect(reference, .invalidArgument, "object reference key is missing name")
      try await setting.expect(
        Self.object("deployments", "apps", "", "web"), .invalidArgument,
        "namespace is required when name is set for a namespaced resource")
      try await setting.expect(
        Self.object("namespaces", "core", "a", "b"), .invalidArgument,
        "namespace must be empty for cluster-scoped resource")
      try await setting.expect(
        Self.object("things", "apps", "a", "b"), .invalidArgument,
        "unknown Kubernetes resource things.apps: no matches for apps/, Resource=things")
      try await setting.expect(
        Self.object("things", "none.test", "a", "b"), .invalidArgument,
        "unknown Kubernetes resource things.none.test: no matches for none.test/, Resource=things")
      try await setting.expect(
        Self.object("deployments", "apps", "default", "none"), .notFound, "Deployment default/none not found")
      try await setting.expect(
        Self.object("deployments", "apps", "default", "web", uid: "other"), .notFound,
        "deployments.apps default/web has UID dep-1, expected other")
      try await setting.expect(
        Self.object("deployments", "apps", uid: "none"), .notFound, "Deployment with UID none not found")
      let id = try SPIFFEID(Self.broker)
      let error = await #expect(throws: AgentPluginError.self) {
        try await setting.attestor.attest(.other(typeURL: "x/y", value: []), for: id)
      }
      #expect(error?.message == "workloadattestor(k8s): unsupported reference type: x/y")
    }
  }

  @Test(arguments: ["../secrets", "..", ".", "a/b", "%2e%2e", String(repeating: "a", count: 300)])
  func namesLeadNowhereElse(_ name: String) async throws {
    try await with(Self.settings()) { (setting) async throws in
      try await setting.expect(
        Self.object("deployments", "apps", "default", name), .notFound, "Deployment default/\(name) not found")
      try await setting.expect(
        Self.object("deployments", "apps", name, "web"), .notFound, "Deployment \(name)/web not found")
      #expect(!setting.server.requests.contains { $0.contains("secrets") || $0.contains("%2e") })
      guard case .failure(let error) = try await setting.find(Self.object(name, name, "a", "b")) else { return }
      #expect(error.code == .invalidArgument)
    }
  }

  @Test func manyPagesAreLookedThrough() async throws {
    try await with(Self.settings()) { (setting) async throws in
      for number in 0..<1100 {
        setting.host.cluster.put(
          TestObject.make(.serviceAccounts, "sa-\(number)", namespace: "default", uid: "sa-uid-\(number)"),
          .serviceAccounts)
      }
      let found = try await setting.find(Self.object("serviceaccounts", "core", uid: "sa-uid-999")).get()
      #expect(found.contains("name:sa-999"))
      #expect(setting.server.requests.filter { $0.contains("serviceaccounts?") }.count == 3)
    }
  }
}
