import Foundation
import TestDatabases
import Testing

/// Three servers that share a PostgreSQL: what agents and workloads notice when servers or the database go away, and what
/// is left when they are back.
@Suite("Several servers", .serialized, .enabled(if: PostgresServer.isInstalled && Programs.python != nil))
struct SeveralServersTests {
  /// Seconds that the SVID of `/short` lives. It counts from ten seconds before, and is renewed at half: every 1.5 s.
  private static let short = 13

  /// Three servers and an agent of theirs.
  private func start(_ connectionString: String) async throws -> (Cluster, Cluster.Member) {
    let cluster = try Cluster(servers: 3, connectionString: connectionString)
    try await cluster.startServers()
    return (cluster, try await cluster.startAgent())
  }

  private func missing(_ ids: Set<String>, to server: Cluster.Member, _ cluster: Cluster) async throws -> Set<String> {
    let shown = try await cluster.succeed(server, ["entry", "show", "-output", "json"]).stdout
    return ids.filter { !shown.contains($0) }
  }

  /// Waits until each server takes an entry again; the entries' IDs.
  private func recovered(_ cluster: Cluster, _ name: String) async throws -> Set<String> {
    var ids: Set<String> = []
    for server in cluster.servers {
      try await eventually("\(server.name) takes entries again", within: 90, log: { cluster.logs }) {
        guard let id = try await cluster.tryEntry("/\(name)/\(server.name)", at: server).id else { return false }
        ids.insert(id)
        return true
      }
    }
    return ids
  }

  private func expectUnavailable(_ result: Shell.Result) {
    #expect(result.status == 1)
    #expect(result.everything.contains("Unavailable"), "\(result.everything)")
    #expect(result.everything.contains("PostgreSQL at "), "\(result.everything)")
  }

  @Test("agents move between servers, and a server that is killed takes nothing with it", .timeLimit(.minutes(5)))
  func movingAndKilling() async throws {
    let database = try PostgresServer.shared()
    let (cluster, agent) = try await start(database.connectionString(try database.makeDatabase()))
    let servers = cluster.servers
    // Each server in turn serves the agent what another one wrote.
    for (index, server) in servers.enumerated() {
      try cluster.route(to: [server])
      try await cluster.entry("/on/\(server.name)", at: servers[(index + 1) % 3])
      try await cluster.arrives("/on/\(server.name)", at: agent)
    }
    try cluster.route(to: servers)
    await servers[2].process?.stop(SIGKILL)
    try await cluster.entry("/killed", at: servers[0])
    try await cluster.arrives("/killed", at: agent)
    try await cluster.start(servers[2])
    try cluster.route(to: [servers[2]])
    try await cluster.entry("/back", at: servers[1])
    try await cluster.arrives("/back", at: agent)
    #expect(try await cluster.identities(agent).count == 5)
  }

  @Test("a database that hangs, stops and comes back takes no SVID away", .timeLimit(.minutes(5)))
  func databaseOutage() async throws {
    let database = try PostgresServer()
    let (cluster, agent) = try await start(database.connectionString(try database.makeDatabase()))
    var acknowledged: Set<String> = [try await cluster.entry("/short", at: cluster.servers[0], ttl: Self.short)]
    try await cluster.arrives("/short", at: agent)
    // It answers nothing, and its connections stay open.
    try database.stop(.frozen)
    try await cluster.renews("/short", at: agent, times: 2)
    database.thaw()
    acknowledged.insert(try await cluster.entry("/thawed", at: cluster.servers[1]))
    try await cluster.arrives("/thawed", at: agent)

    try database.stop(.immediate)
    for server in cluster.servers { expectUnavailable(try await cluster.tryEntry("/never", at: server).result) }
    expectUnavailable(try await cluster.command(cluster.servers[1], ["entry", "show"]))
    // New connections, to each server, while there is no database: SVIDs are signed from memory.
    for server in cluster.servers {
      try cluster.route(to: [server])
      try await cluster.renews("/short", at: agent, times: 1)
    }
    let jwt = try await Shell.run(
      Programs.agent, ["api", "fetch", "jwt", "-audience", "new", "-socketPath", agent.socket])
    #expect(jwt.status == 0, "\(jwt.everything)")
    try database.start()
    acknowledged.formUnion(try await recovered(cluster, "restarted"))
    try cluster.route(to: cluster.servers)
    try await cluster.arrives("/restarted/s3", at: agent)
    for server in cluster.servers { #expect(try await missing(acknowledged, to: server, cluster).isEmpty) }
    for member in cluster.servers + [agent] { #expect(member.process?.isRunning == true, "\(member.name)") }
  }

  @Test("the primary fails over to its replica, and nothing that was acknowledged is lost", .timeLimit(.minutes(5)))
  func failover() async throws {
    let primary = try PostgresServer()
    let name = try primary.makeDatabase()
    let replica = try primary.makeReplica()
    // A commit is acknowledged when the replica has it.
    let session = try PostgresSession(primary.connectionString("postgres"))
    try session.rows("ALTER SYSTEM SET synchronous_commit = 'remote_apply'")
    try session.rows("ALTER SYSTEM SET synchronous_standby_names = '*'")
    try session.rows("SELECT pg_reload_conf()")
    try await eventually("the replica is synchronous", within: 60) {
      try session.rows("SELECT sync_state FROM pg_stat_replication") == [["sync"]]
    }
    let both = primary.connectionString(name)
      .replacingOccurrences(
        of: "host=127.0.0.1 port=\(primary.port)",
        with: "host=127.0.0.1,127.0.0.1 port=\(primary.port),\(replica.port)")
    let (cluster, agent) = try await start(both)
    var acknowledged: Set<String> = [try await cluster.entry("/short", at: cluster.servers[0], ttl: Self.short)]
    try await cluster.arrives("/short", at: agent)
    // Writers on every server, until the new primary has taken something from each.
    let writers = cluster.servers.map { server in
      Task { () -> [String] in
        var ids: [String] = []
        for number in 0..<400 where !Task.isCancelled {
          let path = "/write/\(server.name)/\(number)"
          if let id = try await cluster.tryEntry(path, at: server, parent: "/nobody").id { ids.append(id) }
        }
        return ids
      }
    }
    try await eventually("some writes", within: 60, log: { cluster.logs }) {
      let shown = try await cluster.succeed(cluster.servers[0], ["entry", "show"]).stdout
      return cluster.servers.allSatisfy { shown.contains("/write/\($0.name)/1\n") }
    }
    try primary.stop(.immediate)
    try await cluster.renews("/short", at: agent, times: 1)
    try replica.promote()
    let after = try await recovered(cluster, "promoted")
    for writer in writers { writer.cancel() }
    for writer in writers { acknowledged.formUnion(try await writer.value) }
    acknowledged.formUnion(after)
    #expect(acknowledged.count > 7)
    try await cluster.arrives("/promoted/s3", at: agent)
    for server in cluster.servers {
      let gone = try await missing(acknowledged, to: server, cluster)
      #expect(gone.isEmpty, "\(gone.count) of \(acknowledged.count) entries are gone at \(server.name)")
    }
    for member in cluster.servers + [agent] { #expect(member.process?.isRunning == true, "\(member.name)") }
  }
}
