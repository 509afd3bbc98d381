import Foundation
import Testing

/// "No identity" explains itself: both `explain` commands and `-dryRun`, with real processes.
@Suite("explain", .serialized)
struct ExplainTests {
  /// Runs a command as another user. Nil where this needs root, or where there is no `setpriv`.
  private func asNobody(_ command: [String]) async throws -> Shell.Result? {
    guard getuid() == 0, FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv") else { return nil }
    return try await Shell.run(
      "/usr/bin/setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups"] + command)
  }

  @Test("from a mistake to an identity, by what the commands say", .timeLimit(.minutes(4)))
  func fromMistakeToIdentity() async throws {
    let deployment = try Deployment(agentOptions: "")
    let admin = deployment.directory + "/admin.sock"
    deployment.agentOptions = "admin_socket_path = \"\(admin)\""
    try await deployment.startEverything()
    let pid = getpid()
    func explain(_ arguments: [String]) async throws -> Shell.Result {
      try await Shell.run(Programs.agent, ["explain", "-socketPath", admin] + arguments)
    }

    // What this process has.
    let served = try await explain(["-pid", "\(pid)"])
    #expect(served.status == 0, "\(served.everything)")
    #expect(served.stdout.contains("spiffe://example.org/workload"), "\(served.everything)")
    #expect(served.stdout.contains("because of  unix:uid:\(getuid())"), "\(served.everything)")

    // An entry that nobody matches: the dry run says so, and writes nothing.
    let create = [
      "entry", "create", "-spiffeID", "spiffe://example.org/web", "-parentID", "spiffe://example.org/host", "-selector",
      "unix:uid:root",
    ]
    let before = try await deployment.serverCommand(["entry", "count"]).stdout
    let dry = try await deployment.serverCommand(create + ["-dryRun"])
    #expect(dry.stdout.hasPrefix("Dry run: nothing was written."), "\(dry.everything)")
    #expect(dry.stdout.contains("1 agent would receive it:"), "\(dry.everything)")
    #expect(dry.stdout.contains("for a name, write unix:user:root"), "\(dry.everything)")
    #expect(try await deployment.serverCommand(["entry", "count"]).stdout == before)
    let typo = try await deployment.serverCommand([
      "entry", "create", "-spiffeID", "spiffe://example.org/web", "-parentID", "spiffe://example.org/hots", "-selector",
      "unix:uid:0", "-dryRun",
    ])
    #expect(typo.stdout.contains("did you mean spiffe://example.org/host?"), "\(typo.everything)")

    // Created all the same, both sides explain it.
    let id = try await deployment.createEntry("/web", selector: "unix:uid:root")
    let server = try await deployment.serverCommand(["explain", "-entryID", id])
    #expect(server.stdout.contains("1 agent is entitled to it"), "\(server.everything)")
    #expect(server.stdout.contains("spiffe://example.org/spire/agent/join_token/"), "\(server.everything)")
    try await eventually("the agent has the entry") {
      try await explain(["-pid", "\(pid)"]).stdout.contains("missing     unix:uid:root")
    }
    let unknown = try await Shell.run(
      Programs.server,
      ["explain", "-spiffeID", "spiffe://example.org/wbe", "-socketPath", deployment.serverSocket])
    #expect(unknown.status == 1)
    #expect(unknown.stdout.contains("did you mean spiffe://example.org/web?"), "\(unknown.everything)")

    // The agent itself, and as JSON.
    let agent = try await explain(["-output", "json"])
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(agent.stdout.utf8)) as? [String: Any], "\(agent.everything)")
    #expect((json["entries"] as? [Any])?.count == 3 || (json["entries"] as? [Any])?.count == 2)

    // The agent's signing reached the server's record.
    let workload = try await deployment.serverCommand(["explain", "-spiffeID", "spiffe://example.org/workload"])
    #expect(workload.stdout.contains("has it, with an X.509-SVID until "), "\(workload.everything)")
    #expect(workload.stdout.contains("last sync "), "\(workload.everything)")
  }

  @Test("another user learns nothing from the agent's socket", .timeLimit(.minutes(4)))
  func foreignCaller() async throws {
    let deployment = try Deployment()
    let admin = deployment.directory + "/admin.sock"
    deployment.agentOptions = "admin_socket_path = \"\(admin)\""
    try await deployment.startEverything()
    // Opened to all, so that the refusal is the service's own and not the file's.
    for path in [deployment.directory, deployment.directory + "/a", admin] {
      try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: path)
    }
    for arguments in [["explain"], ["explain", "-pid", "\(getpid())"]] {
      guard let result = try await asNobody([Programs.agent] + arguments + ["-socketPath", admin]) else { return }
      #expect(result.status == 1, "\(result.everything)")
      #expect(result.stdout.isEmpty)
      #expect(
        result.stderr.contains("only root and the agent's own user (\(getuid())) may ask"), "\(result.everything)")
    }
    // Closed again, the socket's mode refuses, and the command says what to do.
    try FileManager.default.setAttributes([.posixPermissions: 0o770], ofItemAtPath: admin)
    let closed = try #require(try await asNobody([Programs.agent, "explain", "-socketPath", admin]))
    #expect(closed.stderr.contains("is not open to this user"), "\(closed.everything)")
  }
}
