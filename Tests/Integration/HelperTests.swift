import Foundation
import Testing

/// spiffe-helper and the SVID store `disk` as processes, beside a real server and agent.
@Suite("SVIDs as files", .serialized)
struct HelperTests {
  /// A server, an agent and an entry whose SVIDs are replaced every few seconds (half of the life and of the ten seconds
  /// before it).
  private func deploy(sections: String = "") async throws -> Deployment {
    let deployment = try Deployment()
    deployment.agentSections = sections
    try await deployment.startServer()
    try await deployment.writeBundle()
    let token = try await deployment.createToken(alias: "/host")
    try await deployment.createEntry(
      "/workload", selector: "unix:uid:\(getuid())", more: ["-x509SVIDTTL", "14"])
    try await deployment.startAgent(token: token)
    return deployment
  }

  /// A program that notes signals in `log`. A shell cannot trap what was ignored when it began (`nohup make test`): `env` undoes
  /// that for it.
  private static func script(_ log: String) -> String {
    "trap 'echo hup >> \(log)' HUP; trap 'echo term >> \(log); exit 0' TERM; echo start >> \(log); "
      + "while :; do sleep 0.05; done"
  }

  private static func isWhole(_ text: String?, _ type: String) -> Bool {
    guard let text else { return false }
    return text.hasPrefix("-----BEGIN \(type)-----\n") && text.hasSuffix("-----END \(type)-----\n")
  }

  @Test("files are kept through rotations, signals and an absent agent", .timeLimit(.minutes(3)))
  func daemon() async throws {
    let deployment = try await deploy()
    let folder = deployment.directory
    let other = try DaemonProcess(
      name: "other", executable: "/usr/bin/env",
      arguments: ["--default-signal=HUP", "/bin/sh", "-c", Self.script(folder + "/other.signals")],
      logPath: folder + "/other.log")
    defer { other.signal(SIGKILL) }
    try "\(other.pid)\n".write(toFile: folder + "/other.pid", atomically: true, encoding: .utf8)
    let port = try freePort()
    let helper = try Helper("helper", in: deployment) { directory in
      """
      \(Helper.x509)
      cmd = "/usr/bin/env"
      cmd_args = "--default-signal=HUP /bin/sh -c \\"echo passed through; \(Self.script(directory + "/signals"))\\""
      pid_file_name = "\(folder)/other.pid"
      renew_signal = "SIGHUP"
      jwt_bundle_file_name = "bundle.json"
      jwt_svids = [{ jwt_audience = "db", jwt_extra_audiences = ["web"], jwt_svid_file_name = "db.token" }]
      health_checks { listener_enabled = true bind_port = \(port) }
      """
    }
    let log = { helper.process.log }
    try await eventually("the helper is ready", log: log) {
      let code = try await Shell.run(
        "/usr/bin/env", ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:\(port)/ready"])
      return code.stdout == "200"
    }
    let token = try #require(helper.text("db.token"))
    for audience in ["db", "web"] {
      let valid = try await deployment.agentCommand(["api", "validate", "jwt", "-audience", audience, "-svid", token])
      #expect(valid.status == 0, "\(valid.everything)")
    }
    #expect(helper.text("bundle.json")?.hasPrefix("{\"example.org\":\"") == true)
    try await eventually("the command runs", log: log) { helper.text("signals")?.hasPrefix("start\n") == true }

    // No file is ever seen half-written, and once they rest they belong together.
    var seen: Set<String> = []
    try await eventually("three SVIDs", within: 60, log: log) {
      let certificate = helper.text("svid.pem")
      #expect(Self.isWhole(certificate, "CERTIFICATE") && Self.isWhole(helper.text("svid_key.pem"), "PRIVATE KEY"))
      #expect(Self.isWhole(helper.text("svid_bundle.pem"), "CERTIFICATE"))
      seen.insert(certificate ?? "")
      return seen.count >= 3
    }
    try await eventually("a set that belongs together", log: log) { try await OpenSSL.isSet(helper.directory) }
    try await eventually("both were signalled", log: log) {
      let others = (try? String(contentsOfFile: folder + "/other.signals", encoding: .utf8)) ?? ""
      return helper.text("signals")?.hasPrefix("start\nhup\nhup\n") == true && others.hasPrefix("start\nhup\n")
    }

    await deployment.agent?.stop()
    try await eventually("the helper notices", log: log) { log().contains("Error while watching x509 context") }
    let before = helper.text("svid.pem")
    #expect(helper.process.isRunning && Self.isWhole(before, "CERTIFICATE"))
    try await deployment.startAgent(token: nil)
    try await eventually("an SVID of the agent that is back", log: log) {
      helper.text("svid.pem") != before
    }
    #expect(await helper.process.stop() == 0)
    #expect(helper.text("signals")?.hasSuffix("term\n") == true, "the command ends with the helper")
    #expect(log().contains("passed through\n") && log().contains("Exiting"))
  }

  @Test("without daemon mode everything is written once", .timeLimit(.minutes(4)))
  func once() async throws {
    let deployment = try await deploy()
    func run(_ name: String, _ lines: String) async throws -> (Helper, Int32) {
      let helper = try Helper(name, in: deployment, arguments: ["-daemon-mode=false"]) { _ in lines }
      return (helper, await helper.process.waitUntilExit())
    }
    let (helper, status) = try await run(
      "once",
      Helper.x509 + "\njwt_svids = [{ jwt_audience = \"db\", jwt_svid_file_name = \"db.token\" }]"
        + "\njwt_bundle_file_name = \"bundle.json\"\ncmd = \"/bin/false\"")
    #expect(status == 0, "\(helper.process.log)")
    #expect(try await OpenSSL.isSet(helper.directory))
    let names = try FileManager.default.contentsOfDirectory(atPath: helper.directory).sorted()
    #expect(names == ["bundle.json", "db.token", "svid.pem", "svid_bundle.pem", "svid_key.pem"])
    // What cannot be written is a failure, and nothing is left of it.
    let (failed, code) = try await run(
      "failed", Helper.x509.replacingOccurrences(of: "svid_key.pem", with: "no/key.pem"))
    #expect(code == 1 && failed.process.log.contains("Error fetching x509 certificates"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: failed.directory).isEmpty)
  }

  @Test("a helper that is killed takes its command with it", .timeLimit(.minutes(4)))
  func killed() async throws {
    let deployment = try await deploy()
    let helper = try Helper("killed", in: deployment) { directory in
      "\(Helper.x509)\ncmd = \"/bin/sh\"\ncmd_args = \"-c \\\"\(Self.script(directory + "/signals"))\\\"\""
    }
    try await eventually("the command runs", log: { helper.process.log }) {
      helper.text("signals")?.hasPrefix("start\n") == true
    }
    #expect(await helper.process.stop(SIGKILL) == -SIGKILL)
    try await eventually("the command ended") { helper.text("signals")?.hasSuffix("term\n") == true }
  }

  @Test("the store writes, rotates and deletes what entries say", .timeLimit(.minutes(4)))
  func diskStore() async throws {
    let base = "/tmp/spire-it-store-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: base) }
    let deployment = try await deploy(
      sections: """
        plugins { SVIDStore "disk" { plugin_data {
          base_dir = "\(base)"
          json_file_name = "svid.json"
          cmd = "/bin/sh"
          cmd_args = "-c \\"echo $SVID_EVENT $SVID_DIR $SPIFFE_ID >> \(base)/told\\""
        } } }
        """)
    let log = { deployment.agent?.log ?? "" }
    let id = try await deployment.createEntry(
      "/stored", selector: "disk:dir:web/front", more: ["-storeSVID", "-x509SVIDTTL", "14"])
    let folder = base + "/web/front"
    try await eventually("files", log: log) {
      FileManager.default.fileExists(atPath: folder + "/svid.json") && log().contains("SVID stored successfully")
    }
    let fetched = try await deployment.agentCommand(["api", "fetch", "x509"])
    #expect(fetched.stdout.contains("/workload") && !fetched.stdout.contains("/stored"), "\(fetched.everything)")

    var generations: Set<String> = []
    try await eventually("three generations, each a whole one", within: 60, log: log) {
      let generation = try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/..data")
      // A generation stays until the one after the next, so that a reader has the time of a rotation.
      let isSet = try await OpenSSL.isSet(folder + "/" + generation)
      guard isSet || FileManager.default.fileExists(atPath: folder + "/" + generation) else { return false }
      #expect(isSet, "\(log())")
      generations.insert(generation)
      return generations.count >= 3
    }
    // An agent that starts anew signs and stores anew, and goes on from there.
    await deployment.agent?.stop()
    let before = try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/..data")
    #expect(try await OpenSSL.isSet(folder), "what is stored stays while the agent is away")
    try await deployment.startAgent(token: nil)
    try await eventually("a generation of the new agent", log: log) {
      try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/..data") != before
    }
    let document = try String(contentsOfFile: folder + "/svid.json", encoding: .utf8)
    #expect(document.hasPrefix(#"{"spiffeID":"spiffe://example.org/stored","x509SVID":"-----BEGIN CERTIFICATE-----\n"#))

    _ = try await deployment.serverCommand(["entry", "delete", "-entryID", id])
    try await eventually("the files are gone", log: log) { !FileManager.default.fileExists(atPath: folder) }
    try await eventually("the command was told", log: log) {
      let told = (try? String(contentsOfFile: base + "/told", encoding: .utf8)) ?? ""
      return told.hasPrefix("put \(folder) spiffe://example.org/stored\n") && told.hasSuffix("delete \(folder)\n")
    }
    // An entry that makes no sense to the store is named, and the agent goes on.
    try await deployment.createEntry("/wrong", selector: "disk:dir:../etc", more: ["-storeSVID"])
    try await eventually("the mistake is named", log: log) { log().contains("because of malformed selectors") }
    #expect(deployment.agent?.isRunning == true)
  }
}
