import Foundation
import Testing

/// States from which an agent with a join token finds its way back, or says what it needs (docs/agent-life.md).
@Suite("Life of an agent", .serialized) struct AgentLifeTests {
  private static let going = "Agent cannot go on; it ends when the last X509-SVID of its workloads has expired"
  private static let command = "spire-server token generate -spiffeID"

  /// A deployment whose agent reads its token from a file.
  private func deployment(serverOptions: String = "") async throws -> (Deployment, tokenFile: String) {
    let deployment = try Deployment(serverOptions: serverOptions)
    let tokenFile = deployment.directory + "/token"
    deployment.agentDataDirectory = deployment.directory + "/data"
    deployment.agentOptions = """
      join_token_file = "\(tokenFile)"
      experimental { sync_interval = "1s" }
      """
    try await deployment.startServer()
    try await deployment.writeBundle()
    try await renewToken(deployment, tokenFile)
    try await deployment.createEntry("/workload", selector: "unix:uid:\(getuid())")
    try await deployment.startAgent(token: nil)
    try await eventually("an identity") { try await isServed(deployment) }
    return (deployment, tokenFile)
  }

  private func renewToken(_ deployment: Deployment, _ file: String) async throws {
    try await deployment.createToken(alias: "/host").write(toFile: file, atomically: true, encoding: .utf8)
  }

  private func isServed(_ deployment: Deployment, _ name: String = "/workload") async throws -> Bool {
    let fetched = try await deployment.agentCommand(["api", "fetch", "x509"])
    return fetched.status == 0 && fetched.stdout.contains("spiffe://example.org" + name)
  }

  /// New entries reach the workload: agent and server understand each other.
  private func follows(_ deployment: Deployment, _ name: String) async throws {
    try await deployment.createEntry(name, selector: "unix:uid:\(getuid())")
    try await eventually("\(name) is served", log: { deployment.agent?.log ?? "" }) {
      try await isServed(deployment, name)
    }
  }

  @Test(
    "an agent that slept until its SVID expired serves what is valid, and takes a new token from its file",
    .timeLimit(.minutes(4)))
  func asleep() async throws {
    let (deployment, tokenFile) = try await deployment(
      serverOptions: "agent_ttl = \"6s\"\ndefault_x509_svid_ttl = \"1h\"")
    let agent = try #require(deployment.agent)
    agent.signal(SIGSTOP)
    try await Task.sleep(for: .seconds(8))
    agent.signal(SIGCONT)
    try await eventually("the agent says what it needs", log: { agent.log }) {
      agent.log.contains(Self.going) && agent.log.contains(Self.command)
    }
    #expect(try await isServed(deployment))
    try await renewToken(deployment, tokenFile)
    try await eventually("the agent took the new token", within: 60, log: { agent.log }) {
      agent.log.contains("Successfully reattested node")
    }
    try await follows(deployment, "/after")
    #expect(agent.isRunning)
  }

  @Test(
    "a server restored from a backup: the agent serves on, and comes back with a new token", .timeLimit(.minutes(4)))
  func restoredServer() async throws {
    let (deployment, tokenFile) = try await deployment()
    let agent = try #require(deployment.agent)
    await deployment.server?.stop()
    // The database as it was before the agent came, with the same keys.
    _ = try await Shell.run(
      "/usr/bin/env",
      [
        "sqlite3", deployment.dataDirectory + "/datastore.sqlite3",
        "DELETE FROM attested_node_entries; DELETE FROM node_resolver_map_entries;",
      ])
    try await deployment.startServer(logName: "server-2.log")
    try await eventually("the agent says what it needs", log: { agent.log }) {
      agent.log.contains(Self.going) && agent.log.contains(Self.command)
    }
    #expect(try await isServed(deployment) && agent.isRunning)
    try await renewToken(deployment, tokenFile)
    try await follows(deployment, "/after")
    #expect(agent.isRunning)
  }

  @Test("a banned agent ends at once", .timeLimit(.minutes(3)))
  func banned() async throws {
    let (deployment, _) = try await deployment()
    let agent = try #require(deployment.agent)
    let list = try await deployment.serverCommand(["agent", "list"]).stdout
    let line = try #require(list.split(separator: "\n").first { $0.hasPrefix("SPIFFE ID") })
    let id = try #require(line.split(separator: " ").last)
    _ = try await deployment.serverCommand(["agent", "ban", "-spiffeID", "\(id)"])
    #expect(await agent.waitUntilExit() == 1)
    #expect(agent.log.contains("the server banned this agent"))
    // Started again, it has nothing to show, and says so in seconds.
    try FileManager.default.removeItem(atPath: deployment.directory + "/token")
    deployment.agentOptions = ""
    try await deployment.startAgent(token: nil, waitForHealth: false)
    #expect(await deployment.agent?.waitUntilExit() == 1)
    #expect(deployment.agent?.log.contains("no join token was given; ") == true)
    #expect(deployment.agent?.log.contains(Self.command) == true)
  }

  @Test("data that is removed while the agent runs is written again", .timeLimit(.minutes(3)))
  func removedData() async throws {
    let (deployment, _) = try await deployment()
    let agent = try #require(deployment.agent)
    try FileManager.default.removeItem(atPath: deployment.agentDataDirectory)
    try await eventually("a new key and a new SVID", log: { agent.log }) {
      agent.log.contains("The agent's data was removed while it runs")
        && agent.log.contains("Successfully rotated agent SVID")
    }
    #expect(try await isServed(deployment))
    // What was written is what a restart needs.
    #expect(await agent.stop() == 0)
    try await deployment.startAgent(token: nil)
    try await follows(deployment, "/after")
  }

  @Test(
    "damaged files are kept aside, and a token makes up for them", .timeLimit(.minutes(3)), arguments: [true, false])
  func damagedFiles(_ isData: Bool) async throws {
    let (deployment, tokenFile) = try await deployment()
    #expect(await deployment.agent?.stop() == 0)
    let name = isData ? "agent-data.json" : "keys.json"
    let path = deployment.agentDataDirectory + "/" + name
    try "{ damaged".write(toFile: path, atomically: true, encoding: .utf8)
    try await renewToken(deployment, tokenFile)
    try await deployment.startAgent(token: nil)
    try await follows(deployment, "/after")
    let kept = try FileManager.default.contentsOfDirectory(atPath: deployment.agentDataDirectory)
      .filter { $0.hasPrefix(name + ".damaged-") }
    #expect(kept.count == 1)
  }

  @Test("a server with another CA: the agent serves on and says what helps", .timeLimit(.minutes(4)))
  func otherCA() async throws {
    let (deployment, _) = try await deployment()
    let agent = try #require(deployment.agent)
    await deployment.server?.stop()
    for name in ["keys.json", "datastore.sqlite3", "datastore.sqlite3-wal", "datastore.sqlite3-shm"] {
      try? FileManager.default.removeItem(atPath: deployment.dataDirectory + "/" + name)
    }
    try await deployment.startServer(logName: "server-2.log")
    try await eventually("the agent says what helps", log: { agent.log }) {
      agent.log.contains("The server shows an authority that this agent does not know")
        && agent.log.contains("rebootstrap_mode")
    }
    #expect(try await isServed(deployment) && agent.isRunning)
  }
}
