import Foundation
import Testing

/// What happens when processes die, files are damaged, or a second one wants the same place.
@Suite("Faults", .serialized)
struct FaultTests {
  @Test("kill -9 of the server during writes loses nothing that was acknowledged", .timeLimit(.minutes(4)))
  func killServerDuringWrites() async throws {
    let deployment = try Deployment()
    try await deployment.startServer()
    let authorities = try await deployment.serverCommand(["bundle", "show"]).stdout
    var acknowledged: Set<String> = []
    for round in 0..<8 {
      let writers = (0..<3).map { writer in
        Task { () -> [String] in
          var ids: [String] = []
          for number in 0..<40 {
            let result = try await Shell.run(
              Programs.server,
              [
                "entry", "create", "-socketPath", deployment.serverSocket, "-spiffeID",
                "spiffe://example.org/r\(round)/w\(writer)/n\(number)", "-parentID", "spiffe://example.org/host",
                "-selector", "unix:uid:\(number)", "-output", "json",
              ])
            guard result.status == 0 else { break }
            guard let range = result.stdout.range(of: #""id":"[0-9a-f-]{36}""#, options: .regularExpression) else {
              break
            }
            ids.append(String(result.stdout[range].dropFirst(6).dropLast()))
          }
          return ids
        }
      }
      try await Task.sleep(for: .milliseconds(150 + round * 67))
      let ended = await deployment.server?.stop(SIGKILL)
      #expect(ended == -SIGKILL)
      for writer in writers { acknowledged.formUnion(try await writer.value) }
      try await deployment.startServer(logName: "server-\(round).log")
    }
    #expect(acknowledged.count > 8)
    let shown = try await deployment.serverCommand(["entry", "show", "-output", "json"]).stdout
    let missing = acknowledged.filter { !shown.contains($0) }
    #expect(missing.isEmpty, "\(missing.count) of \(acknowledged.count) acknowledged entries are gone")
    #expect(try await deployment.serverCommand(["bundle", "show"]).stdout == authorities, "the CA changed")
    let check = try await Shell.run(
      "/usr/bin/env", ["sqlite3", deployment.directory + "/s/datastore.sqlite3", "PRAGMA integrity_check"])
    #expect(check.stdout == "ok\n")
  }

  @Test("kill -9 of the agent keeps its identity, and it serves again without a token", .timeLimit(.minutes(3)))
  func killAgent() async throws {
    let deployment = try Deployment()
    try await deployment.startEverything()
    let before = try await deployment.agents()
    for round in 0..<5 {
      try await Task.sleep(for: .milliseconds(40 * round))
      #expect(await deployment.agent?.stop(SIGKILL) == -SIGKILL)
      try await deployment.startAgent(token: nil)
      try await eventually("an identity after restart", log: { deployment.agent?.log ?? "" }) {
        try await deployment.agentCommand(["api", "fetch", "x509"]).status == 0
      }
    }
    #expect(try await deployment.agents() == before)
  }

  @Test("cached SVIDs are served while the server is away, and the agent catches up", .timeLimit(.minutes(4)))
  func serverAway() async throws {
    let deployment = try Deployment(agentOptions: "experimental { sync_interval = \"1s\" }")
    try await deployment.startEverything()
    try await eventually("first identity") {
      try await deployment.agentCommand(["api", "fetch", "x509"]).status == 0
    }
    await deployment.server?.stop()
    for _ in 0..<5 {
      let fetch = try await deployment.agentCommand(["api", "fetch", "x509"])
      #expect(fetch.status == 0, "\(fetch.everything)")
    }
    try await deployment.startServer(logName: "server-2.log")
    try await deployment.createEntry("/after", selector: "unix:uid:\(getuid())")
    try await eventually("the entry made after the outage", log: { deployment.agent?.log ?? "" }) {
      try await deployment.agentCommand(["api", "fetch", "x509"]).stdout.contains("spiffe://example.org/after")
    }
  }

  @Test("a join token works once", .timeLimit(.minutes(3)))
  func tokenOnce() async throws {
    let deployment = try Deployment()
    try await deployment.startServer()
    try await deployment.writeBundle()
    let token = try await deployment.createToken(alias: "/host")
    try await deployment.startAgent(token: token)
    let second = try Deployment()
    let configuration = """
      agent {
        trust_domain = "example.org"
        server_address = "127.0.0.1"
        server_port = \(deployment.port)
        data_dir = "\(second.directory)/a"
        socket_path = "\(second.agentSocket)"
        trust_bundle_path = "\(deployment.bundlePath)"
      }
      plugins {
        NodeAttestor "join_token" { plugin_data {} }
        KeyManager "memory" { plugin_data {} }
        WorkloadAttestor "unix" { plugin_data {} }
      }
      """
    try configuration.write(toFile: second.directory + "/agent.conf", atomically: true, encoding: .utf8)
    let thief = try DaemonProcess(
      name: "second agent", executable: Programs.agent,
      arguments: ["run", "-config", second.directory + "/agent.conf", "-joinToken", token],
      logPath: second.directory + "/agent.log")
    defer { thief.signal(SIGKILL) }
    try await eventually("refusal", log: { thief.log }) {
      thief.log.contains("join token does not exist or has already been used")
    }
    #expect(!thief.log.contains(token), "the token is in the log")
    #expect(!(deployment.server?.log.contains("Token: ") ?? true))
  }

  @Test("a second server on the same socket is refused, and the first goes on", .timeLimit(.minutes(3)))
  func secondServer() async throws {
    let deployment = try Deployment()
    try await deployment.startServer()
    let second = try await Shell.run(
      Programs.server,
      ["run", "-config", deployment.directory + "/server.conf", "-serverPort", "\(try freePort())"])
    #expect(second.status == 1)
    #expect((second.stderr + second.stdout).contains(deployment.serverSocket), "\(second.everything)")
    _ = try await deployment.serverCommand(["healthcheck"])
  }

  @Test("bad configuration is reported all at once, with file and line", .timeLimit(.minutes(3)))
  func badConfiguration() async throws {
    let deployment = try Deployment()
    let path = deployment.directory + "/bad.conf"
    try """
    server {
      trust_domain = "Example Org"
      bind_port = "many"
      data_dir = "/nowhere"
      ca_ttl = "soon"
      no_such_key = 1
    }
    plugins {
      KeyManager "memory" {}
    }
    """.write(toFile: path, atomically: true, encoding: .utf8)
    let result = try await Shell.run(Programs.server, ["validate", "-config", path])
    #expect(result.status == 1)
    #expect(result.stderr.contains("SPIRE server configuration file is invalid"), "\(result.everything)")
    let missing = try await Shell.run(Programs.server, ["run", "-config", deployment.directory + "/none.conf"])
    #expect(missing.status == 1)
    #expect(missing.stderr.contains("could not find config file"), "\(missing.everything)")
  }

  @Test("a damaged datastore, key file or agent state stops the start with the file's name", .timeLimit(.minutes(3)))
  func damagedFiles() async throws {
    let deployment = try Deployment()
    try await deployment.startEverything()
    await deployment.agent?.stop()
    await deployment.server?.stop()
    for name in ["datastore.sqlite3", "keys.json"] {
      let path = deployment.directory + "/s/" + name
      let original = try Data(contentsOf: URL(fileURLWithPath: path))
      try Data("this is no \(name)".utf8).write(to: URL(fileURLWithPath: path))
      let result = try await Shell.run(Programs.server, ["run", "-config", deployment.directory + "/server.conf"])
      #expect(result.status == 1)
      #expect((result.stdout + result.stderr).contains(name), "\(result.everything)")
      #expect(
        try Data(contentsOf: URL(fileURLWithPath: path)) == Data("this is no \(name)".utf8), "\(name) was changed")
      try original.write(to: URL(fileURLWithPath: path))
    }
    let state = deployment.directory + "/a/agent-data.json"
    try Data("{".utf8).write(to: URL(fileURLWithPath: state))
    let result = try await Shell.run(Programs.agent, ["run", "-config", deployment.directory + "/agent.conf"])
    #expect(result.status == 1)
    #expect((result.stdout + result.stderr).contains("agent-data.json"), "\(result.everything)")
  }

  @Test("SIGTERM ends both with exit code 0 and their last words", .timeLimit(.minutes(3)))
  func gracefulStop() async throws {
    let deployment = try Deployment()
    try await deployment.startEverything()
    let agent = try #require(deployment.agent)
    let server = try #require(deployment.server)
    #expect(await agent.stop() == 0)
    #expect(agent.log.contains("Agent stopped gracefully"))
    #expect(await server.stop() == 0)
    #expect(server.log.contains("Server stopped gracefully"))
  }
}
