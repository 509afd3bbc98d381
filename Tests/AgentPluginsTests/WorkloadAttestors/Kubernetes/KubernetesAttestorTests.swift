import Daemon
import DaemonTesting
import Foundation
import HTTPTesting
import KubernetesTesting
import NIOHTTP1
import Plugins
import SPIFFE
import Synchronization
import Testing

@testable import AgentPlugins

/// The attestor against a kubelet over TLS.
@Suite(.timeLimit(.minutes(3))) struct KubernetesAttestorTests {
  static let pid: Int32 = 4711

  static func pod(_ number: Int = 1) -> TestPod {
    TestPod("web-\(number)", uid: TestPod.uid(number), containers: [.init("web", id: TestPod.id(number))])
  }

  /// A node with one pod and a process in it, and its kubelet.
  func withKubelet<T: Sendable>(
    certificate: TestWebServer.Certificate? = nil, access: TestKubelet.Access = .init(),
    _ body: @Sendable (KubernetesHost, TestKubelet) async throws -> T
  ) async throws -> T {
    let host = try KubernetesHost()
    host.cluster.put(Self.pod())
    try host.run(Self.pid, pod: TestPod.uid(1), container: TestPod.id(1))
    let certificate = try certificate ?? TestKubelet.certificate(host.cluster)
    return try await TestKubelet.with(host.cluster, certificate: certificate, access: access) {
      try await body(host, $0)
    }
  }

  func failure(_ attestor: KubernetesAttestor, _ pid: Int32 = pid) async -> AgentPluginError? {
    do {
      let values = try await attestor.attest(pid: pid)
      Issue.record("attested: \(values)")
      return nil
    } catch {
      return error
    }
  }

  @Test func aProcessHasTheSelectorsOfItsPodAndContainer() async throws {
    try await withKubelet { host, kubelet in
      try await host.withAttestor(host.settings(kubelet.port)) { (attestor) async throws in
        let values = try await attestor.attest(pid: Self.pid)
        #expect(values.contains("pod-name:web-1") && values.contains("container-name:web"), "\(values)")
        #expect(kubelet.requestCount == 1)
        #expect(kubelet.server.script.requests[0].headers.first(name: "Authorization") == "Bearer token-of-the-agent")
        #expect(!host.log.text.contains(KubernetesHost.token))
      }
    }
  }

  @Test func aProcessOutsideOfContainersHasNone() async throws {
    try await withKubelet { host, kubelet in
      try FileManager.default.createDirectory(atPath: host.folder + "/proc/7", withIntermediateDirectories: true)
      try host.write("0::/user.slice\n", to: "proc/7/cgroup")
      try await host.withAttestor(host.settings(kubelet.port)) { (attestor) async throws in
        #expect(try await attestor.attest(pid: 7) == [])
        #expect(try await attestor.attest(pid: 8) == [], "a process that is not there")
        #expect(kubelet.requestCount == 0)
      }
    }
  }

  @Test func hundredsOfCallersAreOneRequest() async throws {
    try await withKubelet { host, kubelet in
      let gate = Gate()
      let list = TestKubelet.list(host.cluster, node: "node-1")
      kubelet.script.fail { _ in .held(gate, .json(list)) }
      try await host.withAttestor(host.settings(kubelet.port)) { (attestor) async throws in
        let names = try await withThrowingTaskGroup(of: Bool.self) { group in
          for _ in 0..<300 { group.addTask { try await attestor.attest(pid: Self.pid).contains("pod-name:web-1") } }
          await gate.waitUntilHeld()
          while attestor.parts?.pods?.waiterCount != 300, !Task.isCancelled { await Task.yield() }
          gate.open()
          return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(names == 300)
        #expect(kubelet.requestCount == 1)
      }
    }
  }

  @Test func aPodThatAppearsLateIsFound() async throws {
    try await withKubelet { host, kubelet in
      try host.run(5, pod: TestPod.uid(5), container: TestPod.id(5))
      kubelet.script.fail { request in
        var pod = TestPod(
          "late", uid: TestPod.uid(5), containers: [.init("web", id: request < 6 ? nil : TestPod.id(5))])
        pod.hasStatus = request > 4
        if request > 2 { host.cluster.put(pod) }
        return nil
      }
      try await host.withAttestor(
        host.settings(kubelet.port, "poll_retry_interval = \"50ms\"\nmax_poll_attempts = 10000")
      ) {
        (attestor) async throws in
        let values = try await attestor.attest(pid: 5)
        #expect(values.contains("pod-name:late") && values.contains("container-name:web"), "\(values)")
        #expect(kubelet.requestCount == 6)
      }
    }
  }

  @Test func withoutContainerSelectorsThePodIsEnough() async throws {
    try await withKubelet { host, kubelet in
      try host.run(5, pod: TestPod.uid(5), container: TestPod.id(5))
      host.cluster.put(TestPod("starting", uid: TestPod.uid(5), containers: [.init("web", id: nil)]))
      try await host.withAttestor(host.settings(kubelet.port, "disable_container_selectors = true")) {
        (attestor) async throws in
        let values = try await attestor.attest(pid: 5)
        #expect(values.contains("pod-name:starting"))
        #expect(!values.contains { $0.hasPrefix("container-") })
        let ready = try await attestor.attest(pid: Self.pid)
        #expect(ready.contains("pod-name:web-1") && !ready.contains { $0.hasPrefix("container-") })
      }
    }
  }

  @Test func initContainersAndCRIOWithoutPodUID() async throws {
    try await withKubelet { host, kubelet in
      var pod = Self.pod(2)
      pod.initContainers = [.init("setup", id: TestPod.id(22))]
      host.cluster.put(pod)
      try host.run(5, pod: nil, container: TestPod.id(22))
      try await host.withAttestor(host.settings(kubelet.port)) { (attestor) async throws in
        let values = try await attestor.attest(pid: 5)
        #expect(values.contains("pod-name:web-2") && values.contains("container-name:setup"), "\(values)")
      }
    }
  }

  @Test func aContainerInTwoPodsIsAnError() async throws {
    try await withKubelet { host, kubelet in
      var twin = Self.pod()
      twin.name = "twin"
      twin.uid = TestPod.uid(9)
      host.cluster.put(twin)
      try host.run(5, pod: nil, container: TestPod.id(1))
      try await host.withAttestor(host.settings(kubelet.port)) { (attestor) async throws in
        let error = await failure(attestor, 5)
        #expect(error?.code == .internalError)
        #expect(error?.message == "workloadattestor(k8s): two pods found with same container Id")
        // The host knows the other one's pod.
        #expect(try await attestor.attest(pid: Self.pid).contains("pod-name:web-1"))
      }
    }
  }

  @Test func unknownContainersEndWithUpstreamsText() async throws {
    try await withKubelet { host, kubelet in
      try host.run(5, pod: TestPod.uid(5), container: TestPod.id(5))
      let settings = host.settings(kubelet.port, "max_poll_attempts = 3\npoll_retry_interval = \"20ms\"")
      try await host.withAttestor(settings) { (attestor) async throws in
        let error = await failure(attestor, 5)
        #expect(error?.code == .deadlineExceeded)
        #expect(error?.message == "workloadattestor(k8s): no selectors found after max poll attempts")
        let record = host.log.first("Container id not found; giving up")
        #expect(record?.fields["container_id"] == TestPod.id(5) && record?.fields["pod_uid"] == TestPod.uid(5))
      }
    }
  }

  @Test func aProcessThatEndsIsNotLookedForAnyLonger() async throws {
    try await withKubelet { host, kubelet in
      try host.run(5, pod: TestPod.uid(5), container: TestPod.id(5))
      kubelet.script.fail { request in
        // Another process has its number by now.
        if request == 3 { try? host.run(5, pod: TestPod.uid(1), container: TestPod.id(1), startedAt: 2000) }
        return nil
      }
      try await host.withAttestor(
        host.settings(kubelet.port, "poll_retry_interval = \"50ms\"\nmax_poll_attempts = 10000")
      ) {
        (attestor) async throws in
        let error = await failure(attestor, 5)
        #expect(error?.code == .notFound)
        #expect(kubelet.requestCount == 3)
      }
    }
  }

  // MARK: Nonsense

  @Test(arguments: ["endless", "malformed", "huge", "hang up", "error", "redirect"])
  func nonsenseIsAnErrorAndThenOver(_ kind: String) async throws {
    try await withKubelet { host, kubelet in
      kubelet.script.fail { request in
        guard request <= 2 else { return nil }
        switch kind {
        case "endless": return .endless
        case "malformed": return .page(200, [], Array("{\"items\":[{\"metadata\":{\"uid\":".utf8))
        case "huge":
          return .page(200, [("X", String(repeating: "x", count: 1000))], [UInt8](repeating: 0x20, count: 40 << 20))
        case "hang up": return .hangUp
        case "redirect": return .redirection("http://127.0.0.1:1/pods")
        default:
          return .page(500, [], Array("line one\nline two \u{1B}[31m\(String(repeating: "x", count: 5000))".utf8))
        }
      }
      try await host.withAttestor(
        host.settings(kubelet.port, "poll_retry_interval = \"50ms\"\nmax_poll_attempts = 10000")
      ) {
        (attestor) async throws in
        #expect(try await attestor.attest(pid: Self.pid).contains("pod-name:web-1"))
        let warnings = host.log.all("Unable to get pod list; will retry after backoff")
        #expect(warnings.count == 2)
        for warning in warnings {
          #expect(
            warning.fields["error"]?.contains("\n") == false && warning.fields["error"]?.contains("\u{1B}") == false)
          #expect(warning.fields["error"].map { $0.utf8.count < 1500 } == true)
        }
        #expect(kubelet.requestCount == 3)
      }
    }
  }

  @Test func aSilentKubeletKeepsNobodyElse() async throws {
    try await withKubelet { host, kubelet in
      kubelet.script.fail { _ in .silence }
      try FileManager.default.createDirectory(atPath: host.folder + "/proc/7", withIntermediateDirectories: true)
      try host.write("0::/user.slice\n", to: "proc/7/cgroup")
      try await host.withAttestor(host.settings(kubelet.port)) { (attestor) async throws in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { _ = try? await attestor.attest(pid: Self.pid) }
          while attestor.parts?.pods?.waiterCount != 1, !Task.isCancelled { await Task.yield() }
          // Who needs no kubelet does not wait for it.
          let none = try await attestor.attest(pid: 7)
          #expect(none == [])
          group.cancelAll()
        }
        #expect(attestor.parts?.pods?.waiterCount == 0, "who leaves is forgotten")
      }
    }
  }

  @Test func otherSettingsTakeOverWhileSomebodyWaits() async throws {
    try await withKubelet { host, kubelet in
      kubelet.script.fail { request in request == 1 ? .silence : nil }
      let settings = host.settings(kubelet.port, "poll_retry_interval = \"50ms\"\nmax_poll_attempts = 10000")
      try await host.withAttestor(settings) { (attestor) async throws in
        async let values = attestor.attest(pid: Self.pid)
        while kubelet.requestCount == 0, !Task.isCancelled { await Task.yield() }
        try attestor.configure(try KubernetesConfiguration(.init(text: settings), environment: [:]))
        #expect(try await values.contains("pod-name:web-1"))
        // Settings that cannot work change nothing.
        #expect(throws: (any Error).self) {
          try attestor.configure(
            try KubernetesConfiguration(.init(text: "kubelet_ca_path = \"/none\""), environment: [:]))
        }
        #expect(try await attestor.attest(pid: Self.pid).contains("pod-name:web-1"))
      }
    }
  }

  @Test func notConfiguredIsSaid() async throws {
    let attestor = KubernetesAttestor(try KubernetesHost().surroundings())
    #expect(await failure(attestor)?.message == "workloadattestor(k8s): not configured")
  }

  /// Who gives up before the polling is over would tell a pod that comes late that there is none.
  @Test(arguments: [("", 60), ("max_poll_attempts = 300, poll_retry_interval = \"1s\"", 320)])
  func whoAsksWaitsAsLongAsThePolling(_ settings: String, _ seconds: Int) async throws {
    let host = try KubernetesHost()
    let attestor = KubernetesAttestor(host.surroundings())
    #expect(attestor.patience == .seconds(60))
    try attestor.configure(
      try KubernetesConfiguration(
        PluginData(text: settings + "\nskip_kubelet_verification = true\nuse_anonymous_authentication = true"),
        environment: [:]))
    #expect(attestor.patience == .seconds(seconds))
  }

  @Test func aNodeWithFiveHundredPods() async throws {
    try await withKubelet { host, kubelet in
      for number in 2...500 { host.cluster.put(Self.pod(number)) }
      try host.run(5, pod: TestPod.uid(400), container: TestPod.id(400))
      try await host.withAttestor(host.settings(kubelet.port)) { (attestor) async throws in
        #expect(try await attestor.attest(pid: 5).contains("pod-name:web-400"))
      }
    }
  }
}
