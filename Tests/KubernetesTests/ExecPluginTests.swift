import Daemon
import Foundation
import HTTP
import HTTPTesting
import KubernetesTesting
import Mutations
import Programs
import SPIFFE
import Synchronization
import Testing

@testable import Kubernetes

/// Credential plugins of kubeconfigs: real programs, and what becomes of what they print.
@Suite(.timeLimit(.minutes(4))) struct ExecPluginTests {
  /// A folder with a kubeconfig whose plugin is `sh` with a script, a note of its runs, and the plugins that run it.
  private final class Setting: Sendable {
    let folder: String
    let time = TestTime()
    let plugins: ExecPlugins
    private let reported = Reports()

    init(environment: [String: String] = ["PATH": "/usr/bin:/bin"], bounds: ExecProcess.Bounds = .init()) throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("exec-\(UUID().uuidString)").path
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      self.folder = folder
      let reported = reported
      plugins = ExecPlugins(environment: environment, time: time, bounds: bounds) { error, remarks in
        reported.lines.withLock { $0.append("\(error) | \(remarks)") }
      }
    }

    private final class Reports: Sendable { let lines = Mutex<[String]>([]) }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var path: String { folder + "/config" }
    var access: KubeConfigAccess { KubeConfigAccess(path: path, plugins: plugins) }
    /// What went to the log: error and standard error.
    var log: [String] { reported.lines.withLock { $0 } }
    var runs: Int { (try? text("runs").split(separator: "\n").count) ?? 0 }

    func text(_ name: String) throws -> String { try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8) }
    func write(_ name: String, _ text: String) throws {
      try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
    }

    /// - Parameter script: what the plugin does after it noted its run; prints the file `answer` if nothing else is said.
    func configure(
      _ kubeConfig: String, command: String = "sh", version: String = "v1", more: String = "",
      script: String = "cat answer"
    ) throws {
      try write("script", "cd '\(folder)'\necho run >>runs\n\(script)\n")
      let exec = """
        exec:
              apiVersion: client.authentication.k8s.io/\(version)
              command: \(command)
              args: ["\(folder)/script", "two words"]
              interactiveMode: Never
              \(more)
        """
      try write("config", kubeConfig.replacingOccurrences(of: "token: -", with: exec))
    }

    func answer(_ status: String, version: String = "v1") throws {
      try write(
        "answer",
        #"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/\#(version)","status":\#(status)}"#)
    }
  }

  private static let nowhere = """
    clusters: [{name: c, cluster: {server: "https://c.test"}}]
    contexts: [{name: x, context: {cluster: c, user: u}}]
    current-context: x
    users:
    - name: u
      user:
        token: -
    """

  private func authorization(_ setting: Setting) async -> String {
    do {
      return try await setting.access.endpoint().headers.map { "\($0.name): \($0.value)" }.joined(separator: "; ")
    } catch {
      return "\(error)"
    }
  }

  // MARK: With an API server

  /// A token is kept until the server refuses it; then the plugin is asked again, and the request succeeds.
  @Test func aRefusedTokenIsMadeAnew() async throws {
    let cluster = try TestCluster()
    cluster.putNode(uid: "u")
    cluster.issue("first", to: .init("one"))
    let setting = try Setting()
    try await TestAPIServer.with(cluster) { server in
      try setting.configure(cluster.kubeConfig(port: server.port, token: "-"))
      try setting.answer(#"{"token":"first"}"#)
      let client = APIServerClient(setting.access)
      for _ in 0..<3 {
        let said = await client.node()
        #expect(said == "u")
      }
      #expect(setting.runs == 1)
      cluster.expire("first")
      cluster.issue("second", to: .init("one"))
      try setting.answer(#"{"token":"second"}"#)
      // Whoever has nothing but a refusal does not make the server start a process each time.
      let early = await client.node()
      #expect(early == "Unauthorized")
      #expect(setting.runs == 1)
      setting.time.advance(by: .seconds(6))
      let late = await client.node()
      #expect(late == "u")
      #expect(setting.runs == 2)
    }
  }

  @Test func aClientCertificateOfAPluginIsShown() async throws {
    let cluster = try TestCluster()
    let shown = try cluster.authority.server(hosts: ["spire-server"])
    let other = try cluster.authority.server(hosts: ["other"])
    let certificate = try cluster.authority.server(addresses: [[127, 0, 0, 1]])
    let setting = try Setting()
    func status(_ key: [UInt8]) -> String {
      JSONValue.object([
        "clientCertificateData": .string(PEM.encode(shown.certificate, type: "CERTIFICATE")),
        "clientKeyData": .string(PEM.encode(key, type: "PRIVATE KEY")),
      ]).text()
    }
    let (good, bad) = (status(shown.key), status(other.key))
    try await TestWebServer.with(
      certificate, clientAuthority: cluster.authority.der,
      reply: {
        .page($0.clientCertificate == shown.certificate ? 200 : 401, [], Array(#"{"metadata":{"uid":"u"}}"#.utf8))
      }
    ) { server in
      try setting.configure(cluster.kubeConfig(port: server.port, token: "-"))
      try setting.answer(bad)
      let said = await APIServerClient(setting.access).node()
      #expect(said.hasPrefix("getting credentials: failed parsing client key/certificate: "), "\(said)")
      setting.time.advance(by: .seconds(6))
      try setting.answer(good)
      let uid = await APIServerClient(setting.access).node()
      #expect(uid == "u")
    }
  }

  // MARK: How it is run

  @Test func whatThePluginIsTold() async throws {
    let setting = try Setting(environment: ["PATH": "/usr/bin:/bin", "INHERITED": "yes", "REPLACED": "no"])
    try setting.answer(#"{"token":"t"}"#, version: "v1beta1")
    try FileManager.default.createSymbolicLink(atPath: setting.folder + "/plugin", withDestinationPath: "/bin/sh")
    let config = Self.nowhere.replacingOccurrences(
      of: #"{server: "https://c.test"}"#,
      with: #"{server: "https://c.test", tls-server-name: n, proxy-url: "http://p:3128", "#
        + #"certificate-authority-data: Y2E=, extensions: [{name: other, extension: 1}, "#
        + #"{name: client.authentication.k8s.io/exec, extension: {audience: a, deep: [1, "2", true]}}]}"#)
    try setting.configure(
      config, command: "./plugin", version: "v1beta1",
      more: "provideClusterInfo: true\n      env: [{name: REPLACED, value: b=c}]",
      script: """
        printf '%s|%s|%s|%s|%s' "$KUBERNETES_EXEC_INFO" "$INHERITED" "$REPLACED" "$1" "$(cat | wc -c)" >told
        (: </dev/tty) 2>/dev/null && echo terminal >>told
        cat answer
        """)
    let execution = try #require(try KubeConfig.read(setting.path).execution())
    let (credential, _) = try await setting.plugins.credential(execution)
    #expect(credential.token == "t")
    #expect(
      try setting.text("told")
        == #"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","spec":{"cluster":"#
        + #"{"server":"https://c.test","tls-server-name":"n","certificate-authority-data":"Y2E=","#
        + #""proxy-url":"http://p:3128","config":{"audience":"a","deep":[1,"2",true]}},"interactive":false}}"#
        + "|yes|b=c|two words|0")
  }

  /// The example of the documentation.
  @Test func theExampleOfThePage() throws {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../docs/plugins/nodeattestor-k8s_psat.md")
    let blocks = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "```")
    let example = try #require(blocks.first { $0.hasPrefix("yaml\n") && $0.contains("exec:") })
    let config = try KubeConfig(Array(example.dropFirst(5).utf8), folder: "")
    #expect(config.user.plugin?.command == "aws")
    #expect(config.user.plugin?.arguments.suffix(2) == ["--output", "json"])
    #expect(config.user.plugin?.variables == [.init(name: "AWS_PROFILE", value: "spire")])
  }

  @Test func whatItIsToldByDefault() throws {
    let setting = try Setting()
    try setting.configure(Self.nowhere)
    let execution = try #require(try KubeConfig.read(setting.path).execution())
    #expect(
      execution.information
        == #"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}"#)
  }

  @Test func credentialsEndBeforeTheirTime() async throws {
    let setting = try Setting()
    try setting.configure(Self.nowhere)
    let end = GoTime.rfc3339(setting.time.now.addingTimeInterval(60))
    try setting.answer(#"{"token":"a","expirationTimestamp":"\#(end)"}"#)
    let said1 = await authorization(setting)
    #expect(said1 == "Authorization: Bearer a")
    try setting.answer(#"{"token":"b"}"#)
    setting.time.advance(by: .seconds(49))
    let said2 = await authorization(setting)
    #expect(said2 == "Authorization: Bearer a")
    setting.time.advance(by: .seconds(2))
    let said3 = await authorization(setting)
    #expect(said3 == "Authorization: Bearer b")
    #expect(setting.runs == 2)
    // Another command is another user.
    try setting.configure(Self.nowhere, more: "env: [{name: A, value: B}]")
    try setting.answer(#"{"token":"c"}"#)
    let said4 = await authorization(setting)
    #expect(said4 == "Authorization: Bearer c")
  }

  @Test func allWaitForOneRun() async throws {
    let setting = try Setting()
    try setting.configure(Self.nowhere, script: "sleep 0.3; cat answer")
    try setting.answer(#"{"token":"a"}"#)
    let said = await withTaskGroup(of: String.self) { group in
      for _ in 0..<16 { group.addTask { await authorization(setting) } }
      return await group.reduce(into: Set<String>()) { $0.insert($1) }
    }
    #expect(said == ["Authorization: Bearer a"])
    #expect(setting.runs == 1)
  }

  /// A plugin that failed is not started for every agent that asks; what it wrote is for the log alone.
  @Test func failuresAreKeptForSomeSeconds() async throws {
    let setting = try Setting()
    try setting.configure(Self.nowhere, script: "echo no login >&2; exit 3")
    let expected = "getting credentials: exec: executable sh failed with exit code 3"
    for _ in 0..<3 {
      let said = await authorization(setting)
      #expect(said == expected)
    }
    #expect(setting.runs == 1)
    #expect(setting.log == ["exec: executable sh failed with exit code 3 | no login"])
    setting.time.advance(by: .seconds(6))
    _ = await authorization(setting)
    #expect(setting.runs == 2)
  }

  @Test func aPluginThatHangsIsEndedWithWhatItStarted() async throws {
    let setting = try Setting(bounds: .init(time: .milliseconds(300)))
    let fifo = setting.folder + "/open"
    try #require(mkfifo(fifo, 0o600) == 0)
    try setting.configure(Self.nowhere, script: "exec 3<>open; sleep 600 & sleep 600")
    let said = await authorization(setting)
    #expect(said == "getting credentials: exec: executable sh did not end within 300ms")
    // There is nothing more to read once nobody has it open.
    let end = open(fifo, O_RDONLY | O_NONBLOCK)
    defer { close(end) }
    var byte: UInt8 = 0
    while read(end, &byte, 1) < 0 {
      try #require(errno == EAGAIN)
      var waiting = pollfd(fd: end, events: Int16(POLLIN), revents: 0)
      poll(&waiting, 1, 30_000)
    }
  }

  @Test func anOutputWithoutEndIsCut() async throws {
    let setting = try Setting()
    try setting.configure(Self.nowhere, script: "yes >&2 & yes")
    let said = await authorization(setting)
    #expect(said == "getting credentials: exec: executable sh printed more than 262144 bytes")
    #expect(setting.log.allSatisfy { $0.utf8.count < 2048 })
  }

  @Test func programsThatAreNotThere() async throws {
    let setting = try Setting(environment: ["PATH": ".:relative:/usr/bin"])
    try setting.configure(Self.nowhere, command: "no-such-plugin", more: #"installHint: "Install it:\n  get plugin""#)
    let said1 = await authorization(setting)
    #expect(said1 == "getting credentials: exec: executable no-such-plugin not found; Install it:   get plugin")
    try setting.configure(Self.nowhere, command: "./script")
    let said2 = await authorization(setting)
    #expect(said2 == "getting credentials: exec: executable \(setting.folder)/./script cannot be executed")
  }

  // MARK: What it prints

  @Test(arguments: [
    ("", "decoding stdout: unexpected end"), ("hello", "decoding stdout: "), ("{} {}", "decoding stdout: text behind"),
    ("{}", #"decoding stdout: kind is "", not "ExecCredential""#),
    (
      #"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","status":{"token":"t"}}"#,
      "exec plugin is configured to use API version client.authentication.k8s.io/v1, plugin returned version "
        + #""client.authentication.k8s.io/v1beta1""#
    ), (credential(nil), "exec plugin didn't return a status field"),
    (credential("null"), "exec plugin didn't return a status field"),
    (credential(#"{"other":1}"#), "exec plugin didn't return a token or cert/key pair"),
    (credential(#"{"clientKeyData":"k"}"#), "exec plugin returned only certificate or key, not both"),
    (
      credential(#"{"clientKeyData":"secret","clientCertificateData":"c"}"#),
      "failed parsing client key/certificate: clientKeyData has no PEM block"
    ), (credential(#"{"token":"a\r\nX: b"}"#), "exec plugin returned a token that cannot be sent"),
    (
      credential(#"{"token":"t","expirationTimestamp":"soon"}"#),
      "decoding stdout: expirationTimestamp is not a time of RFC 3339"
    ),
  ]) func outputsThatAreNoUse(_ text: String, _ expected: String) {
    let error = #expect(throws: (any Error).self) { try ExecCredential(Array(text.utf8), version: .v1) }
    #expect("\(error as Any)".contains(expected), "\(error as Any)")
    #expect(!"\(error as Any)".contains("secret"))
  }

  private static func credential(_ status: String?) -> String {
    #"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1""#
      + (status.map { #","status":\#($0)}"# } ?? "}")
  }

  @Test func nearlyRightOutputsNeverCrash() {
    let text = Self.credential(
      #"{"token":"t","expirationTimestamp":"2030-01-02T03:04:05Z","clientKeyData":"-----BEGIN PRIVATE KEY-----\nMA==\n"}"#
    )
    for bytes in Mutations(of: text, count: 4000) { _ = try? ExecCredential(bytes, version: .v1) }
  }
}
