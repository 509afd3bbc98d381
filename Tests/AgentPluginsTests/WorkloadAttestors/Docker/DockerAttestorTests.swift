import Daemon
import DaemonTesting
import Foundation
import HTTPTesting
import Logging
import NIOHTTP1
import Plugins
import Synchronization
import Testing

@testable import AgentPlugins

/// The docker attestor against a scripted engine on a Unix socket, and a process table of the test's own.
@Suite(.timeLimit(.minutes(4))) struct DockerAttestorTests {
  private let id = String(repeating: "ab", count: 32)
  private let other = String(repeating: "cd", count: 32)
  private static let container = """
    {"Id":"x","Image":"sha256:11ff","State":{"Pid":77},"Config":{"Image":"nginx:1.27","Env":["B=2","A=1=1"],
    "Labels":{"zone":"eu","app":"web","":"empty key"}}}
    """

  private func page(_ status: Int, _ text: String, version: String? = nil) -> TestWebServer.Answer {
    .page(status, version.map { [("Api-Version", $0)] } ?? [], Array(text.utf8))
  }

  /// A good engine of version 1.41.
  private func engine(_ uri: String) -> TestWebServer.Answer {
    if uri == "/_ping" { return page(200, "OK", version: "1.41") }
    if uri.hasSuffix("/containers/\(id)/json") { return page(200, Self.container) }
    if uri == "/v1.41/images/sha256:11ff/json" { return page(200, "{\"Id\":\"sha256:22ee\"}") }
    return page(404, "{\"message\":\"No such container: \(uri)\"}")
  }

  private struct Setup {
    let attestor: DockerAttestor
    let server: TestWebServer
    let log: LogCapture
    let time: HastyTime
    let folder: String
  }

  /// Runs `body` with an attestor whose engine says `answer`, while process 77 has the cgroups `cgroup`.
  private func with(
    _ cgroup: String, _ data: String = "", socket: String = "docker.sock", deadline: Duration = .seconds(60),
    answer: @escaping @Sendable (String) -> TestWebServer.Answer, _ body: @Sendable (Setup) async throws -> Void
  ) async throws {
    try await withProcessTable([("cgroup", Data(cgroup.utf8))]) { root in
      let log = LogCapture()
      let time = HastyTime()
      let attestor = DockerAttestor(
        processes: HostProcesses(root: root), deadline: deadline, time: time, logger: log.logger)
      attestor.configure(
        try DockerConfiguration(
          PluginData(
            text: """
              docker_socket_path = "unix://\(root)/docker.sock"
              podman_socket_path = "unix://\(root)/podman.sock"
              podman_socket_path_template = "unix://\(root)/%d.sock"
              \(data)
              """)))
      try await TestWebServer.with(nil, socket: "\(root)/\(socket)", answer: answer) { server in
        try await body(Setup(attestor: attestor, server: server, log: log, time: time, folder: root))
      }
    }
  }

  private var dockerCgroup: String { "0::/system.slice/docker-\(id).scope\n" }
  private let selectors = [
    "label::empty key", "label:app:web", "label:zone:eu", "env:B=2", "env:A=1=1", "image_id:nginx:1.27",
    "image_config_digest:sha256:22ee",
  ]

  private func failure(_ attestor: DockerAttestor) async -> AgentPluginError? {
    do throws(AgentPluginError) {
      _ = try await attestor.attest(pid: 77)
      return nil
    } catch {
      return error
    }
  }

  @Test func aContainerHasItsLabelsEnvironmentAndImage() async throws {
    try await with(dockerCgroup, answer: engine) { (setup: Setup) async throws in
      #expect(try await setup.attestor.attest(pid: 77) == selectors)
      #expect(try await setup.attestor.attest(pid: 77) == selectors)
      // The version is agreed upon once.
      let lookUp = ["/v1.41/containers/\(id)/json", "/v1.41/images/sha256:11ff/json"]
      #expect(setup.server.script.requests.map(\.uri) == ["/_ping"] + lookUp + lookUp)
      #expect(setup.log.first("Using the new container locator") != nil)
    }
  }

  @Test func aProcessOutsideOfContainersHasNoneAndNobodyIsAsked() async throws {
    try await with("0::/user.slice/user-1000.slice/session-2.scope\n", answer: engine) { (setup: Setup) async throws in
      #expect(try await setup.attestor.attest(pid: 77) == [])
      #expect(try await setup.attestor.attest(pid: 78) == [])
      #expect(setup.server.script.requests.isEmpty)
    }
  }

  @Test(arguments: [
    ("docker_version = \"1.30\"", ["/v1.30/containers"]), ("docker_version = \"v1.30\"", ["/v1.30/containers"]),
    ("", ["/_ping", "/v1.24/containers"]),
  ])
  func theVersionIsTheConfiguredOneOrWhatTheEngineSays(_ data: String, _ uris: [String]) async throws {
    let answer: @Sendable (String) -> TestWebServer.Answer = { uri in
      uri == "/_ping" ? page(200, "OK") : engine(uri)
    }
    try await with(dockerCgroup, data, answer: answer) { (setup: Setup) async throws in
      // The image is asked for by a version that this engine does not have, which costs one selector.
      #expect(try await setup.attestor.attest(pid: 77) == Array(selectors.dropLast()))
      let asked = setup.server.script.requests.map(\.uri)
      #expect(asked.dropLast() == (uris.dropLast() + [uris.last.map { "\($0)/\(id)/json" } ?? ""])[...])
      #expect(setup.log.records.contains { $0.level == .warning && $0.fields["error"]?.contains("No such") == true })
    }
  }

  @Test func anEngineThatWasReplacedByAnOlderOneIsAskedForItsVersionAgain() async throws {
    let shared = SharedFlag()
    let answer: @Sendable (String) -> TestWebServer.Answer = { uri in
      guard shared.isSet else { return engine(uri) }
      if uri == "/_ping" { return page(200, "OK", version: "1.40") }
      if uri.hasPrefix("/v1.41/") { return page(400, "{\"message\":\"client version 1.41 is too new\"}") }
      return engine(uri.replacingOccurrences(of: "/v1.40/", with: "/v1.41/"))
    }
    try await with(dockerCgroup, answer: answer) { (setup: Setup) async throws in
      #expect(try await setup.attestor.attest(pid: 77) == selectors)
      shared.set()
      #expect(try await setup.attestor.attest(pid: 77) == selectors)
    }
  }

  @Test func aContainerThatTheEngineDoesNotKnowYetIsAskedForAgain() async throws {
    let box = CounterBox()
    let answer: @Sendable (String) -> TestWebServer.Answer = { uri in
      uri.contains("/containers/") && box.next() <= 3 ? page(404, "{\"message\":\"No such container\"}") : engine(uri)
    }
    try await with(dockerCgroup, answer: answer) { (setup: Setup) async throws in
      #expect(try await setup.attestor.attest(pid: 77) == selectors)
      #expect(setup.time.waits == [.milliseconds(100), .milliseconds(200), .milliseconds(400)])
    }
  }

  @Test func aContainerThatTheEngineNeverKnowsIsAnErrorInItsWords() async throws {
    let answer: @Sendable (String) -> TestWebServer.Answer = { uri in
      uri == "/_ping" ? engine(uri) : page(404, "{\"message\":\"No such container: \\nabc\"}")
    }
    try await with(dockerCgroup, answer: answer) { (setup: Setup) async throws in
      let error = await failure(setup.attestor)
      #expect(error?.code == .notFound)
      #expect(error?.message == "workloadattestor(docker): Error response from daemon: No such container:  abc")
      #expect(setup.server.script.requests.count { $0.uri.contains("/containers/") } == 4)
    }
  }

  @Test func noEngineIsAnErrorThatNamesItsSocket() async throws {
    try await with(dockerCgroup, socket: "elsewhere.sock", answer: engine) { (setup: Setup) async throws in
      let error = await failure(setup.attestor)
      #expect(error?.code == .unavailable)
      let text = "workloadattestor(docker): Cannot connect to the Docker daemon at unix://\(setup.folder)/docker.sock. "
      #expect(error?.message.hasPrefix(text) == true)
      #expect(error?.message.hasSuffix("connect: no such file or directory)") == true)
    }
  }

  @Test(arguments: [
    ("podman.sock", "0::/machine.slice/libpod-ID.scope/container\n"), ("podman.sock", "0::/libpod_parent/libpod-ID\n"),
    ("podman.sock", "0::/libpod/ID\n"),
    ("1000.sock", "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container\n"),
    // Docker without root answers at the socket of Docker.
    ("docker.sock", "0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope\n"),
  ])
  func cgroupsSayWhichEngineIsAsked(_ socket: String, _ cgroup: String) async throws {
    let cgroup = cgroup.replacingOccurrences(of: "ID", with: id)
    try await with(cgroup, socket: socket, answer: engine) { (setup: Setup) async throws in
      #expect(try await setup.attestor.attest(pid: 77) == selectors)
    }
  }

  @Test func customMatchersFindTheContainer() async throws {
    let data = "use_new_container_locator = false\ncontainer_id_cgroup_matchers = [\"/my/*/<id>\"]"
    let answer: @Sendable (String) -> TestWebServer.Answer = { uri in
      uri.contains("/containers/")
        ? (uri == "/v1.41/containers/a%3Fb/json" ? page(200, Self.container) : .hangUp)
        : engine(uri)
    }
    try await with("0::/my/x/a?b\n", data, answer: answer) { (setup: Setup) async throws in
      #expect(try await setup.attestor.attest(pid: 77) == selectors)
      #expect(setup.log.records.contains { $0.level == .warning && $0.message.hasPrefix("Using the legacy") })
    }
  }

  @Test(arguments: [
    ("[]", "malformed answer: no JSON object"), ("{\"Config\":", "malformed answer: "),
    ("{}", "malformed answer: no object Config"), ("{\"Config\":{\"Env\":{}}}", "Config.Env is no list"),
    ("{\"Config\":{\"Labels\":{\"a\":1}}}", "a label that is no text"),
    ("{\"Config\":{},\"Image\":7}", "Image is no text"),
    (String(repeating: "[", count: 100_000), "nesting is too deep"),
  ])
  func answersOfAnotherFormAreErrors(_ body: String, _ message: String) async throws {
    let answer: @Sendable (String) -> TestWebServer.Answer = { $0 == "/_ping" ? engine($0) : page(200, body) }
    try await with(dockerCgroup, answer: answer) { (setup: Setup) async throws in
      let error = await failure(setup.attestor)
      #expect(error?.code == .internalError && error?.message.hasPrefix("workloadattestor(docker): unix://") == true)
      #expect(error?.message.contains(message) == true)
    }
  }

  @Test func answersWithoutEndAreCutOff() async throws {
    let answer: @Sendable (String) -> TestWebServer.Answer = { $0 == "/_ping" ? engine($0) : .endless }
    try await with(dockerCgroup, answer: answer) { (setup: Setup) async throws in
      #expect(await failure(setup.attestor)?.message.hasSuffix("the answer is larger than 2097152 bytes") == true)
    }
  }

  @Test(arguments: [TestWebServer.Answer.silence, .trickle])
  func slowAnswersEndAtTheDeadline(_ slow: TestWebServer.Answer) async throws {
    let answer: @Sendable (String) -> TestWebServer.Answer = { $0 == "/_ping" ? engine($0) : slow }
    try await with(dockerCgroup, deadline: .milliseconds(300), answer: answer) { (setup: Setup) async throws in
      let error = await failure(setup.attestor)
      #expect(error?.code == .deadlineExceeded)
      #expect(
        error?.message == "workloadattestor(docker): unix://\(setup.folder)/docker.sock: context deadline exceeded")
    }
  }

  @Test func aSlowContainerHoldsNobodyElse() async throws {
    let answer: @Sendable (String) -> TestWebServer.Answer = { uri in
      uri.contains(other) ? .silence : engine(uri)
    }
    try await with(dockerCgroup, answer: answer) { (setup: Setup) async throws in
      let process = setup.folder + "/78"
      try FileManager.default.createDirectory(atPath: process, withIntermediateDirectories: true)
      try Data("0::/docker/\(other)\n".utf8).write(to: URL(fileURLWithPath: process + "/cgroup"))
      let slow = Task { try await setup.attestor.attest(pid: 78) }
      while !setup.server.script.requests.contains(where: { $0.uri.contains(other) }) { await Task.yield() }
      #expect(try await setup.attestor.attest(pid: 77) == selectors)
      slow.cancel()
      let result = await slow.result
      #expect(throws: AgentPluginError(.unavailable, "")) { try result.get() }
    }
  }

  @Test func callersOfOneContainerShareARequest() async throws {
    let held = EngineBox()
    let answer: @Sendable (String) -> TestWebServer.Answer = { uri in
      // Answers once all the others wait; they do not need this event loop for it.
      if uri.contains("/containers/") { while (held.engine?.waitingCount ?? 0) < 19 { sched_yield() } }
      return engine(uri)
    }
    try await with(dockerCgroup, answer: answer) { (setup: Setup) async throws in
      let location = ContainerLocation(containerID: id)
      held.engine = try setup.attestor.engine(
        for: location,
        DockerConfiguration(PluginData(text: "docker_socket_path = \"unix://\(setup.folder)/docker.sock\"")))
      try await withThrowingTaskGroup(of: [String].self) { group in
        for _ in 0..<20 { group.addTask { try await setup.attestor.attest(pid: 77) } }
        for try await values in group { #expect(values == selectors) }
      }
      #expect(setup.server.script.requests.count { $0.uri.contains("/containers/") } == 1)
      // Nothing was kept.
      held.engine = nil
      setup.server.script.say { $0 == "/_ping" ? engine($0) : page(404, "") }
      #expect(await failure(setup.attestor)?.code == .notFound)
    }
  }
}

private final class SharedFlag: Sendable {
  private let value = Atomic(false)
  var isSet: Bool { value.load(ordering: .sequentiallyConsistent) }
  func set() { value.store(true, ordering: .sequentiallyConsistent) }
}

private final class CounterBox: Sendable {
  private let value = Atomic(0)
  func next() -> Int { value.add(1, ordering: .sequentiallyConsistent).newValue }
}

private final class EngineBox: Sendable {
  private let value = Mutex<DockerEngine?>(nil)
  var engine: DockerEngine? {
    get { value.withLock { $0 } }
    set { value.withLock { $0 = newValue } }
  }
}
