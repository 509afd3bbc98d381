import Daemon
import DaemonTesting
import Flags
import Foundation
import Glibc
import Mutations
import SVIDFiles
import Testing
import WorkloadClient

@testable import SpiffeHelper

/// The configuration file and the command line (ecosystem §2), with upstream's texts.
@Suite struct ConfigurationTests {
  private static let x509 = TestHelper.x509

  @Test func everyKeyIsRead() throws {
    let configuration = try parsed(
      """
      agent_address = "unix:///run/agent.sock"
      cmd = "ghostunnel"
      cmd_args = "server --listen \\"a b\\""
      pid_file_name = "/run/x.pid"
      renew_signal = "SIGUSR1"
      cert_dir = "certs/"
      svid_file_name = "svid.pem"
      svid_key_file_name = "svid_key.pem"
      svid_bundle_file_name = "svid_bundle.pem"
      jwt_svids = [
        { jwt_audience = "a", jwt_extra_audiences = ["b", "c"], jwt_svid_file_name = "a.token" },
        { jwt_audience = "d", jwt_svid_file_name = "d.token" }
      ]
      jwt_bundle_file_name = "bundle.json"
      add_intermediates_to_bundle = true
      include_federated_domains = true
      omit_expired = true
      hint = "internal"
      cert_file_mode = 0444
      key_file_mode = 0440
      jwt_bundle_file_mode = 0400
      jwt_svid_file_mode = 0640
      health_checks { listener_enabled = true bind_port = 8082 liveness_path = "/l" readiness_path = "/r" }
      """)
    #expect(configuration.endpoint == .unix(path: "/run/agent.sock") && configuration.isDaemon)
    #expect(configuration.command == .init(program: "ghostunnel", arguments: ["server", "--listen", "a b"]))
    #expect(configuration.pidFile == "/run/x.pid" && configuration.signal == SIGUSR1)
    let plan = try #require(configuration.x509)
    #expect([plan.certificateFile, plan.keyFile, plan.bundleFile] == ["svid.pem", "svid_key.pem", "svid_bundle.pem"])
    #expect(plan.addsIntermediatesToBundle && plan.includesFederatedDomains && plan.omitsExpired)
    #expect(plan.certificateMode == 0o444 && plan.keyMode == 0o440)
    #expect(configuration.jwtBundleMode == 0o400 && configuration.tokenMode == 0o640)
    #expect(configuration.tokens.map(\.audience) == [["a", "b", "c"], ["d"]])
    #expect(configuration.hint == "internal" && configuration.jwtBundleFile == "bundle.json")
    #expect(configuration.healthChecks == .init(port: 8082, livenessPath: "/l", readinessPath: "/r"))
    #expect(configuration.path("a.token") == "certs/a.token" && configuration.notices.isEmpty)
  }

  @Test func theExamplesOfTheDocumentationAreRead() throws {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../docs/spiffe-helper.md").standardized
    let blocks = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "```hcl\n").dropFirst()
    let examples = blocks.compactMap { $0.components(separatedBy: "```").first }
    #expect(examples.count == 2)
    for example in examples { #expect(try parsed(example).notices.isEmpty) }
  }

  @Test func defaults() throws {
    let configuration = try parsed(Self.x509 + "health_checks { listener_enabled = true }")
    #expect(configuration.endpoint == .unix(path: "/tmp/spire-agent/public/api.sock"))
    #expect(configuration.directory == "." && configuration.path("svid.pem") == "svid.pem")
    #expect(configuration.x509?.certificateMode == 0o644 && configuration.x509?.keyMode == 0o600)
    #expect(configuration.jwtBundleMode == 0o600 && configuration.tokenMode == 0o600)
    #expect(configuration.healthChecks == .init(port: 8081, livenessPath: "/live", readinessPath: "/ready"))
    #expect(try parsed(Self.x509 + "health_checks { bind_port = 1 }").healthChecks == nil)
  }

  @Test func theAddressIsAPathOrAURI() throws {
    func endpoint(_ lines: String = "", _ variable: String? = nil) throws -> WorkloadEndpoint {
      try parsed(Self.x509 + lines, environment: variable.map { ["SPIFFE_ENDPOINT_SOCKET": $0] } ?? [:]).endpoint
    }
    #expect(try endpoint("", "unix:///run/a.sock") == .unix(path: "/run/a.sock"))
    #expect(try endpoint("", "/run/a.sock") == .unix(path: "/run/a.sock"))
    #expect(try endpoint("", "tcp://127.0.0.1:8000") == .tcp(ip: "127.0.0.1", port: 8000))
    #expect(try endpoint("agent_address = \"/file.sock\"", "/run/a.sock") == .unix(path: "/file.sock"))
    #expect(try endpoint("agent_address = \"\"", "relative.sock") == .unix(path: "relative.sock"))
    #expect(throws: ConfigurationError.self) { _ = try endpoint("", "unix://host/a.sock") }
  }

  @Test(arguments: [
    (
      "",
      "at least one of the sets ('svid_file_name', 'svid_key_file_name', 'svid_bundle_file_name'), 'jwt_svids', or 'jwt_bundle_file_name' must be fully specified"
    ),
    (
      "svid_file_name = \"x\"",
      "all or none of 'svid_file_name', 'svid_key_file_name', 'svid_bundle_file_name' must be specified"
    ),
    ("foo = \"bar\"\nbar = \"foo\"", "unknown top level key(s): bar,foo"),
    (
      "jwt_svids = [{ jwt_audience = \"a\", jwt_svid_file_name = \"x\" }, { jwt_audience = \"a\", jwt_svid_file_name = \"y\", foo = 1, bar = 1 }]",
      "unknown key(s) in jwt_svids[1]: bar,foo"
    ),
    ("jwt_svids = [{ jwt_audience = \"a\" }]", "'jwt_file_name' is required in 'jwt_svids'"),
    ("jwt_svids = [{ jwt_svid_file_name = \"a\" }]", "'jwt_audience' is required in 'jwt_svids'"),
    (x509 + "pid_file_name = \"x\"", "must specify renew_signal when using pid_file_name"),
    (
      x509 + "pid_file_name = \"x\"\nrenew_signal = \"SIGHUP\"\ndaemon_mode = false",
      "pid_file_name is set but daemon_mode is false. pid_file_name is only supported in daemon_mode"
    ),
    (x509 + "cert_file_mode = -1", "cert file mode must be positive"),
    (x509 + "key_file_mode = -1", "key file mode must be positive"),
    (x509 + "jwt_bundle_file_mode = -1", "jwt bundle file mode must be positive"),
    (x509 + "jwt_svid_file_mode = -1", "jwt svid file mode must be positive"),
    (x509 + "health_checks { listener_enabled = true bind_port = -1 }", "bind port must be positive"),
    (x509 + "renew_signal = \"HUP\"", "error getting signal: HUP"),
    (
      x509 + "cmd = \"x\"\ncmd_args = \"\\\"\"",
      "error parsing cmd arguments: parse error in cmd_args: extraneous or missing \" in quoted-field"
    ),
  ])
  func whatIsWrongHasUpstreamsWords(_ text: String, _ message: String) throws {
    do {
      _ = try parsed(text)
      Issue.record("accepted: \(text)")
    } catch let error as ConfigurationError { #expect(error.problems.first?.message == message) }
  }

  @Test func everythingThatIsWrongIsSaidAtOnce() throws {
    do {
      _ = try parsed("svid_file_name = \"x\"\nfoo = 1\nkey_file_mode = -1")
      Issue.record("accepted")
    } catch let error as ConfigurationError {
      #expect(error.problems.count == 3 && error.problems[0].place == "helper.conf:2:1")
    }
  }

  @Test func onceIgnoresTheCommandAndSaysSo() throws {
    let text = Self.x509 + "cmd = \"x\"\nrenew_signal = \"SIGHUP\"\nhealth_checks { listener_enabled = true }\n"
    let once = try parsed(text + "daemon_mode = false")
    #expect(once.command == nil && once.healthChecks == nil && !once.isDaemon)
    #expect(
      once.notices.map(\.message) == [
        "cmd is set but daemon_mode is false. cmd will be ignored. This may become an error in a future release.",
        "renew_signal is set but daemon_mode is false. renew_signal will be ignored. This may become an error in a future release.",
      ])
    // The command line goes before the file.
    #expect(try parsed(text + "daemon_mode = false", daemonMode: true).isDaemon)
    #expect(try !parsed(text, daemonMode: false).isDaemon)
  }

  @Test func oddValuesAreWarnedAbout() throws {
    let notices = try parsed(Self.x509 + "cert_file_mode = 444\nhealth_checks { foo = 1 }").notices.map(\.message)
    #expect(
      notices == [
        "unknown key(s) in health_checks: foo", "cert_file_mode is 0674: octal numbers begin with 0, such as 0644",
      ])
  }

  @Test func nonsenseNeverTraps() {
    let seed = Self.x509 + "jwt_svids = [{ jwt_audience = \"a\", jwt_svid_file_name = \"x\" }]\nhealth_checks { }"
    for mutation in Mutations(of: seed, count: 2000) {
      _ = try? parsed(String(decoding: mutation, as: UTF8.self))
    }
  }

  // MARK: The command line

  private func run(_ arguments: [String]) async -> (Int32, String, String) {
    let io = CapturedIO()
    let code = await SpiffeHelperCommand.program.run(arguments, io: io.io)
    return (code, io.stdout, io.stderr)
  }

  @Test func theCommandLine() async throws {
    let (version, number, _) = await run(["-version"])
    #expect(version == 0 && number == "0.11.0\n")
    let (help, _, usage) = await run(["-help"])
    #expect(help == 0 && usage.contains("-daemon-mode") && usage.contains("(default \"helper.conf\")"))
    let (unknown, _, text) = await run(["-nope"])
    #expect(unknown == 1 && text.hasPrefix("flag provided but not defined: -nope\n"))
    #expect(await run(["-config", "/nowhere/helper.conf"]).0 == 1)
    let folder = try TemporaryFolder()
    try "foo = 1".write(toFile: folder.file("helper.conf"), atomically: true, encoding: .utf8)
    #expect(await run(["-config", folder.file("helper.conf"), "-daemon-mode=false"]).0 == 1)
  }

  @Test func filesThatCannotBeReadAreNamed() throws {
    let folder = try TemporaryFolder()
    func message(_ text: String?) throws -> String {
      if let text { try text.write(toFile: folder.file("c"), atomically: true, encoding: .utf8) }
      do {
        _ = try HelperConfigFile.load(folder.file("c"))
        return "accepted"
      } catch { return "\(error)" }
    }
    #expect(
      try message(nil) == "failed to parse \"\(folder.file("c"))\": open \(folder.file("c")): no such file or directory"
    )
    #expect(try message("a = {").hasPrefix("failed to parse \"\(folder.file("c"))\": "))
    #expect(try message("daemon_mode = \"perhaps\"").contains("daemon_mode: expected true or false"))
  }
}
