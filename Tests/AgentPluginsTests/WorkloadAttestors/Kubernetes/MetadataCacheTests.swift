import Daemon
import DaemonTesting
import HTTPTesting
import Kubernetes
import KubernetesTesting
import Mutations
import NIOHTTP1
import SPIFFE
import Testing

@testable import AgentPlugins

/// Objects that a watch follows, through all that ends one.
@Suite(.timeLimit(.minutes(3))) struct MetadataCacheTests {
  private struct Setting: Sendable {
    let host: KubernetesHost
    let server: TestAPIServer
    let cache: MetadataCache

    func label() -> String? { cache.object(namespace: "", name: "shop")?.labels.first?.value }
    /// How often a path was asked for.
    func count(_ text: String) -> Int { server.requests.count { $0.contains(text) } }
  }

  private func with(time: any TimeSource = SystemTime(), _ body: @Sendable (Setting) async throws -> Void) async throws
  {
    let host = try KubernetesHost()
    host.cluster.putNamespace("shop", labels: [("v", "1")])
    try await TestAPIServer.with(host.cluster) { server in
      let surroundings = host.surroundings(time: time, environment: server.environment)
      let cache = MetadataCache(
        .namespaces, try APIServerClient(surroundings), time: time, logger: host.log.logger)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await cache.run() }
        try await body(Setting(host: host, server: server, cache: cache))
        group.cancelAll()
      }
    }
  }

  /// Lets other tasks run until `condition` holds; the suite's time limit ends one that never does.
  private func until(_ condition: () -> Bool) async {
    while !condition(), !Task.isCancelled { await Task.yield() }
  }

  @Test func changesArriveWithoutAsking() async throws {
    try await with { (setting) async throws in
      await until { setting.label() == "1" }
      await until { setting.host.cluster.watchCount == 1 }
      setting.host.cluster.putNamespace("shop", labels: [("v", "2")])
      await until { setting.label() == "2" }
      setting.host.cluster.putNamespace("new", labels: [("v", "n")], uid: "new-uid")
      await until { setting.cache.object(uid: "new-uid")?.name == "new" }
      setting.host.cluster.delete(.namespaces, name: "shop")
      await until { setting.cache.object(namespace: "", name: "shop") == nil }
      #expect(setting.count("watch=1") == 1)
      #expect(setting.count("limit=500") == 1)
    }
  }

  @Test func aWatchThatEndsGoesOnWhereItStood() async throws {
    try await with { (setting) async throws in
      await until { setting.host.cluster.watchCount == 1 }
      setting.host.cluster.putNamespace("shop", labels: [("v", "2")])
      setting.host.cluster.putNamespace("other")
      setting.host.cluster.bookmark()
      await until { setting.cache.object(namespace: "", name: "other") != nil }
      let version = setting.host.cluster.version
      setting.host.cluster.endWatches()
      await until { setting.host.cluster.watchCount == 1 }
      #expect(setting.count("resourceVersion=\(version)&") == 1, "\(setting.server.requests)")
      setting.host.cluster.putNamespace("shop", labels: [("v", "3")])
      await until { setting.label() == "3" }
      #expect(setting.count("limit=500") == 1, "nothing was listed again")
    }
  }

  @Test func aBrokenWatchGoesOn() async throws {
    try await with { (setting) async throws in
      await until { setting.host.cluster.watchCount == 1 }
      setting.host.cluster.endWatches(cut: true)
      setting.host.cluster.putNamespace("shop", labels: [("v", "2")])
      await until { setting.label() == "2" }
      #expect(setting.count("limit=500") == 1)
    }
  }

  @Test func forgottenVersionsAreListedAnew() async throws {
    try await with { (setting) async throws in
      await until { setting.host.cluster.watchCount == 1 }
      setting.host.cluster.delete(.namespaces, name: "shop")
      setting.host.cluster.putNamespace("kept")
      await until { setting.cache.object(namespace: "", name: "kept") != nil }
      // Between two watches everything that happened is forgotten.
      setting.server.script.fail { request in request.head.uri.contains("watch=1") ? .hangUp : nil }
      setting.host.cluster.endWatches(cut: true)
      setting.host.cluster.delete(.namespaces, name: "kept")
      setting.host.cluster.compact()
      setting.server.script.fail(nil)
      await until { setting.cache.isCurrent && setting.cache.object(namespace: "", name: "kept") == nil }
      await until { setting.host.cluster.watchCount == 1 }
      #expect(setting.count("limit=500") == 2)
    }
  }

  @Test func nonsenseEndsAWatchAndNothingElse() async throws {
    try await with { (setting) async throws in
      for text in ["nonsense\n", "{\"type\":\"ADDED\"}\n", "[1]\n", String(repeating: "x", count: 5 << 20)] {
        await until { setting.host.cluster.watchCount == 1 }
        setting.host.cluster.babble(text)
        await until { setting.host.log.all("Watch of objects broke").count > 0 }
        setting.host.cluster.endWatches()
        setting.host.cluster.putNamespace("shop", labels: [("v", "\(text.utf8.count)")])
        await until { setting.label() == "\(text.utf8.count)" }
      }
    }
  }

  @Test func anOldAnswerIsNone() async throws {
    let time = TestTime()
    try await with(time: time) { (setting) async throws in
      await until { setting.host.cluster.watchCount == 1 }
      setting.server.script.fail { _ in .hangUp }
      setting.host.cluster.endWatches(cut: true)
      await until { setting.host.log.first("Watch of objects broke") != nil }
      #expect(setting.label() == "1", "for a moment")
      time.advance(by: MetadataCache.grace)
      #expect(setting.label() == nil && !setting.cache.isCurrent)
      setting.server.script.fail(nil)
      await until {
        if time.sleeperCount > 0 { time.advance(by: .seconds(31)) }
        return setting.cache.isCurrent
      }
      #expect(setting.label() == "1", "a watch without news is one all the same")
    }
  }

  @Test func theAttestorUsesTheCache() async throws {
    let host = try KubernetesHost()
    host.cluster.putNamespace("default", labels: [("v", "1")])
    host.cluster.put(TestPod("web", uid: TestPod.uid(1), containers: [.init("web", id: TestPod.id(1))]))
    try host.run(5, pod: TestPod.uid(1), container: TestPod.id(1))
    try await TestKubelet.with(host.cluster, certificate: TestKubelet.certificate(host.cluster)) { kubelet in
      try await TestAPIServer.with(host.cluster) { server in
        let settings = host.settings(
          kubelet.port,
          "enable_namespace_labels = true\nexperimental { api_server { cache { enabled = true } } }")
        try await host.withAttestor(settings, environment: server.environment) { (attestor) async throws in
          #expect(try await attestor.attest(pid: 5).contains("ns-label:v:1"))
          await until { host.cluster.watchCount == 1 }
          let before = server.requests.count
          #expect(try await attestor.attest(pid: 5).contains("ns-label:v:1"))
          #expect(server.requests.count == before, "\(server.requests)")
        }
        // The watch ends with the attestor.
        host.cluster.bookmark()
      }
    }
  }

  // MARK: The stream

  @Test func linesAreReadInAnyBits() throws {
    let object = TestCluster.partialText("shop", version: "7")
    let text =
      "{\"type\":\"ADDED\",\"object\":\(object)}\n\n{\"object\":\(object),\"type\":\"DELETED\"}\r\n"
      + "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\"}}}\n{\"type\":\"NEW\",\"object\":{}}\n"
    for size in [1, 2, 7, 64, 10_000] {
      var lines = WatchLines()
      var events: [WatchLines.Event] = []
      var rest = Array(text.utf8)[...]
      while !rest.isEmpty {
        events += try lines.add(Array(rest.prefix(size)))
        rest = rest.dropFirst(size)
      }
      guard events.count == 3, case .changed(let added) = events[0], case .deleted(let deleted) = events[1] else {
        Issue.record("\(events)")
        return
      }
      #expect(added.name == "shop" && added == deleted && added.resourceVersion == "7")
      #expect(events[2] == .bookmark(version: "9"))
    }
  }

  @Test func errorsOfTheStreamAreThrown() {
    var lines = WatchLines()
    let text = #"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"# + "\n"
    let error = #expect(throws: APIServerFailure.self) { try lines.add(Array(text.utf8)) }
    #expect(error?.isExpired == true)
    #expect(error.map { "\($0)" } == "too old")
  }

  @Test func aLineIsBounded() throws {
    var lines = WatchLines()
    let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
    for _ in 0..<4 { _ = try lines.add(chunk) }
    #expect(throws: APIServerFailure.self) { try lines.add(chunk) }
  }

  @Test func nearlyRightStreamsNeverCrash() {
    let text = "{\"type\":\"ADDED\",\"object\":\(TestCluster.partialText("shop", version: "7"))}\n"
    for bytes in Mutations(of: text, count: 2000) {
      var lines = WatchLines()
      _ = try? lines.add(bytes + [0x0A])
      _ = try? MetadataList(parsing: bytes)
      _ = APIServerFailure(status: 500, body: bytes).description
    }
  }
}
