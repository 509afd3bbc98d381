import Foundation
import TestDatabases
import Testing

/// Authorities that are replaced under agents and workloads which must not notice: by hand, at the end of a company CA's
/// life, and after a key was lost to somebody else.
@Suite("Rotation of authorities", .serialized)
struct RotationTests {
  private func start(serverOptions: String = "", plugins: String = "") async throws -> Deployment {
    let deployment = try Deployment(
      serverOptions: serverOptions, agentOptions: "experimental { sync_interval = \"1s\" }")
    deployment.keyManager += "\n" + plugins
    try await deployment.startEverything()
    try await eventually("an identity", log: { deployment.agent?.log ?? "" }) {
      try await identity(deployment) != nil
    }
    return deployment
  }

  /// The serial number of the workload's SVID, which is checked against the bundle that came with it.
  private func identity(_ deployment: Deployment) async throws -> String? {
    let folder = deployment.directory + "/svid-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let fetch = try await Shell.run(
      Programs.agent, ["api", "fetch", "x509", "-socketPath", deployment.agentSocket, "-write", folder])
    guard fetch.status == 0, fetch.stdout.contains("/workload") else { return nil }
    let verify = try await Shell.run(
      "/usr/bin/env",
      [
        "openssl", "verify", "-CAfile", folder + "/bundle.0.pem", "-untrusted", folder + "/svid.0.pem",
        folder + "/svid.0.pem",
      ])
    #expect(verify.status == 0, "\(verify.everything)")
    return try await Shell.run("/usr/bin/env", ["openssl", "x509", "-in", folder + "/svid.0.pem", "-noout", "-serial"])
      .stdout
  }

  private func active(_ deployment: Deployment, _ kind: String = "x509") async throws -> String {
    let shown = try await deployment.serverCommand(["localauthority", kind, "show"]).stdout
    return String(try #require(shown.split(separator: "\n").dropFirst().first).split(separator: " ").last ?? "")
  }

  private func logs(_ deployment: Deployment) -> String {
    "\(deployment.agent?.log.suffix(4000) ?? "")\n\(deployment.server?.log.suffix(4000) ?? "")"
  }

  @Test(
    "one command replaces the X.509 authority, and the workload has a valid SVID at all times", .timeLimit(.minutes(4)))
  func rotateX509() async throws {
    let deployment = try await start()
    let (old, first) = (try await active(deployment), try await identity(deployment))
    let dry = try await deployment.serverCommand(["localauthority", "rotate", "-dryRun"])
    #expect(dry.stdout.contains("prepare a new authority") && dry.stdout.contains("revoke \(old)"), "\(dry.everything)")
    #expect(try await active(deployment) == old)
    // While it runs, somebody asks for the identity again and again.
    let asking = Task { () async throws -> Int in
      var count = 0
      while !Task.isCancelled {
        let svid = try await identity(deployment)
        #expect(svid != nil)
        count += 1
      }
      return count
    }
    let rotation = try await Shell.run(
      Programs.server, ["localauthority", "rotate", "-timeout", "60s", "-socketPath", deployment.serverSocket])
    asking.cancel()
    let count = try await asking.value
    #expect(count > 0)
    try #require(rotation.status == 0, "\(rotation.everything)\n\(logs(deployment))")
    for word in ["Prepared ", "Activated ", "Tainted \(old)", "Revoked \(old)", "Finished: "] {
      #expect(rotation.stdout.contains(word), "\(rotation.everything)")
    }
    #expect(try await active(deployment) != old)
    let last = try await identity(deployment)
    #expect(last != nil && last != first)
    // The old one is in nobody's bundle any more, and the agent goes on.
    let bundle = try await deployment.serverCommand(["bundle", "show"]).stdout
    #expect(bundle.count(of: "BEGIN CERTIFICATE") == 1)
    try await deployment.createEntry("/after", selector: "unix:uid:\(getuid())")
    try await eventually("the agent hears of what comes after it", log: { logs(deployment) }) {
      try await deployment.agentCommand(["api", "fetch", "x509"]).stdout.contains("/after")
    }
  }

  @Test("an authority that agents do not have is not activated, unless forced", .timeLimit(.minutes(4)))
  func activationIsRefused() async throws {
    let deployment = try await start()
    // It hears nothing.
    deployment.agent?.signal(SIGSTOP)
    defer { deployment.agent?.signal(SIGCONT) }
    let prepared = try await deployment.serverCommand(["localauthority", "x509", "prepare"]).stdout
    let id = String(try #require(prepared.firstMatch(of: /Authority ID: (\w+)/)).1)
    func activate(_ more: [String]) async throws -> Shell.Result {
      try await Shell.run(
        Programs.server,
        ["localauthority", "x509", "activate", "-authorityID", id, "-socketPath", deployment.serverSocket] + more)
    }
    let refused = try await activate([])
    #expect(refused.status == 1)
    #expect(
      refused.stderr.contains("1 of 1 agents have not confirmed it: spiffe://example.org/spire/agent/"), "\(refused)")
    let stopped = try await Shell.run(
      Programs.server, ["localauthority", "rotate", "-timeout", "2s", "-socketPath", deployment.serverSocket])
    #expect(stopped.status == 1 && stopped.stderr.contains("is prepared and in the bundle"), "\(stopped.everything)")
    let forced = try await activate(["-force"])
    #expect(forced.status == 0, "\(forced.everything)")
    #expect(try await active(deployment) == id)
  }

  @Test("a rotation that is interrupted or killed says where it stands, and goes on", .timeLimit(.minutes(4)))
  func rotationGoesOn() async throws {
    let deployment = try await start()
    let old = try await active(deployment)
    let arguments = ["localauthority", "rotate", "-socketPath", deployment.serverSocket]
    // The agent hears nothing, so that the command waits.
    deployment.agent?.signal(SIGSTOP)
    defer { deployment.agent?.signal(SIGCONT) }
    func stopped(by signal: Int32) async throws -> DaemonProcess {
      let command = try DaemonProcess(
        name: "rotate", executable: Programs.server, arguments: arguments,
        logPath: deployment.directory + "/rotate-\(signal)")
      try await eventually("the command waits", log: { command.log }) { command.log.contains("Waiting: 0 of 1 agents") }
      command.signal(signal)
      try await eventually("the command ends", log: { command.log }) { !command.isRunning }
      return command
    }
    let interrupted = try await stopped(by: SIGINT)
    #expect(
      interrupted.log.hasSuffix(
        "Interrupted: the new authority is in the bundle and does not sign. The same command goes on from here.\n"))
    #expect(try await active(deployment) == old)
    let killed = try await stopped(by: SIGKILL)
    let prepared = String(try #require(killed.log.firstMatch(of: /Authority (\w+) is prepared already/)).1)
    #expect(interrupted.log.contains("Prepared \(prepared)") && !killed.log.contains("Prepared \(prepared)"))
    deployment.agent?.signal(SIGCONT)
    let last = try await Shell.run(Programs.server, arguments + ["-timeout", "60s"])
    try #require(last.status == 0, "\(last.everything)\n\(logs(deployment))")
    #expect(last.stdout.contains("Revoked \(old)"), "\(last.everything)")
    #expect(try await active(deployment) == prepared)
  }

  @Test("drill: a JWT key is known to somebody else", .timeLimit(.minutes(4)))
  func jwtKeyCompromised() async throws {
    let deployment = try await start()
    func token() async throws -> String {
      let fetched = try await deployment.agentCommand(["api", "fetch", "jwt", "-audience", "db"]).stdout
      return fetched.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("ey") }.map(String.init) ?? ""
    }
    func isValid(_ token: String) async throws -> Bool {
      try await Shell.run(
        Programs.agent,
        ["api", "validate", "jwt", "-audience", "db", "-svid", token, "-socketPath", deployment.agentSocket]
      ).status == 0
    }
    let (old, first) = (try await active(deployment, "jwt"), try await token())
    #expect(try await isValid(first))
    // The tokens that are out live for minutes: nobody waits for them now.
    let rotation = try await Shell.run(
      Programs.server,
      [
        "localauthority", "rotate", "-type", "jwt", "-force", "-timeout", "2s", "-socketPath", deployment.serverSocket,
      ])
    try #require(rotation.status == 0, "\(rotation.everything)\n\(logs(deployment))")
    #expect(rotation.stdout.contains("Revoked \(old)"), "\(rotation.everything)")
    try await eventually("the agent refuses what the old key signed", log: { logs(deployment) }) {
      try await !isValid(first)
    }
    let second = try await token()
    #expect(!second.isEmpty && second != first)
    #expect(try await isValid(second))
  }

  /// A company's CA: its files in `folder`.
  private func makeCA(_ name: String, _ folder: String) async throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let made = try await Shell.run(
      "/usr/bin/env",
      [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
        "-subj", "/CN=\(name)", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", folder + "/next.key",
        "-out", folder + "/next.pem",
      ])
    try #require(made.status == 0, "\(made.everything)")
    for suffix in ["key", "pem"] { _ = rename("\(folder)/next.\(suffix)", "\(folder)/ca.\(suffix)") }
  }

  @Test("drill: the company replaces the CA above the server", .timeLimit(.minutes(3)))
  func upstreamReplaced() async throws {
    let folder = "/tmp/spire-ca-" + UUID().uuidString.prefix(8)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await makeCA("first", folder)
    let deployment = try await start(
      plugins: """
        UpstreamAuthority "disk" { plugin_data {
          cert_file_path = "\(folder)/ca.pem"
          key_file_path = "\(folder)/ca.key"
        } }
        """)
    let first = try await identity(deployment)
    // Below the same root there is nothing to withdraw.
    let same = try await Shell.run(
      Programs.server, ["localauthority", "rotate", "-timeout", "60s", "-socketPath", deployment.serverSocket])
    #expect(same.status == 0 && same.stdout.contains("Nothing is withdrawn"), "\(same.everything)\n\(logs(deployment))")
    #expect(try await identity(deployment) == first, "SVIDs of the old authority stay")
    try await makeCA("second", folder)
    let second = try String(contentsOfFile: folder + "/ca.pem", encoding: .utf8).split(separator: "\n")[1]
    try await eventually("the server publishes the new root", log: { logs(deployment) }) {
      try await deployment.serverCommand(["bundle", "show"]).stdout.contains(second)
    }
    let rotation = try await Shell.run(
      Programs.server, ["localauthority", "rotate", "-timeout", "90s", "-socketPath", deployment.serverSocket])
    try #require(rotation.status == 0, "\(rotation.everything)\n\(logs(deployment))")
    #expect(rotation.stdout.contains("Tainted ") && rotation.stdout.contains("Revoked "), "\(rotation.everything)")
    #expect(try await identity(deployment) != first)
    let bundle = try await deployment.serverCommand(["bundle", "show"]).stdout
    let current = try String(contentsOfFile: folder + "/ca.pem", encoding: .utf8)
    #expect(bundle.filter { !$0.isWhitespace } == current.filter { !$0.isWhitespace })
  }

  @Test(
    "the agent of another server of the cluster has what it needs before an authority goes",
    .enabled(if: PostgresServer.isInstalled && Programs.python != nil), .timeLimit(.minutes(4)))
  func cluster() async throws {
    let database = try PostgresServer.shared()
    let cluster = try Cluster(
      servers: 2, connectionString: database.connectionString(try database.makeDatabase()))
    try await cluster.startServers()
    let (first, second) = (cluster.servers[0], cluster.servers[1])
    try cluster.route(to: [first])
    let agent = try await cluster.startAgent()
    try await cluster.entry("/web", at: first)
    try await cluster.arrives("/web", at: agent)
    let before = try await cluster.identities(agent)["/web"]
    // Its SVIDs are of the first server; it now talks to the second one alone.
    try cluster.route(to: [second])
    try await cluster.entry("/moved", at: first)
    try await cluster.arrives("/moved", at: agent)
    let dry = try await cluster.succeed(first, ["localauthority", "rotate", "-dryRun"])
    let old = String(try #require(dry.stdout.firstMatch(of: /authority (\w+) signs/)).1)
    let asking = Task { () async throws -> Void in
      while !Task.isCancelled {
        let svids = try await cluster.identities(agent)
        #expect(svids["/web"] != nil)
      }
    }
    let rotation = try await cluster.command(first, ["localauthority", "rotate", "-timeout", "90s"])
    asking.cancel()
    _ = try await asking.value
    try #require(rotation.status == 0, "\(rotation.everything)\n\(cluster.logs)")
    #expect(rotation.stdout.contains("Revoked \(old)"), "\(rotation.everything)")
    let after = try await cluster.identities(agent)["/web"]
    #expect(after != nil && after != before)
    // Nobody has what was revoked, at either server; and the servers' notes are gone from the table in a while.
    for server in cluster.servers {
      // The other server's answer may be a second old.
      try await eventually("\(server.name) has one authority per server", log: { cluster.logs }) {
        let bundle = try await cluster.succeed(server, ["bundle", "show"]).stdout
        return bundle.count(of: "BEGIN CERTIFICATE") == 2
      }
    }
    try cluster.route(to: [first])
    try await cluster.entry("/back", at: second)
    try await cluster.arrives("/back", at: agent)
  }
}
