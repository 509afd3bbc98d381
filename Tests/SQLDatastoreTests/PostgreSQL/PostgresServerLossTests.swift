import DatastoreAPI
import Foundation
import SPIFFE
import TestDatabases
import Testing

@testable import SQLDatastore

/// The database server itself goes away, freezes or is replaced: calls fail with a clear message, and everything goes on
/// when it is back, without a restart.
@Suite(.serialized) struct PostgresServerLossTests {
  @Test func aServerThatWasAwayIsUsedAgain() async throws {
    let server = try PostgresServer()
    let datastore = try await openPostgres(server.connectionString("postgres"))
    let before = try await datastore.createEntry(entry("/before", "unix:uid:1")).entry
    for stop in [PostgresServer.Stop.fast, .immediate] {
      try server.stop(stop)
      let write = await failure { _ = try await datastore.createEntry(entry("/while", "unix:uid:1")) }
      let read = await failure { _ = try await datastore.listEntries() }
      for error in [write, read] {
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("nothing listens there") == true, "\(error?.message ?? "no error")")
      }
      try server.start()
      #expect(try await datastore.listEntries() == [before])
    }
    _ = try await datastore.createEntry(entry("/after", "unix:uid:1"))
    #expect(try await datastore.listEntries().map(\.spiffeID.path) == ["/before", "/after"])

    // Frozen: it takes connections and answers nothing.
    let timeouts = PostgresTimeouts(connect: 2, statement: .milliseconds(100), grace: .milliseconds(100))
    let connection = try connectPostgres(server.connectionString("postgres"), timeouts: timeouts)
    let backend = try connection.backend()
    kill(backend, SIGSTOP)
    let error = refusal { try connection.execute("SELECT 1", []) }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("has not answered") == true)
    #expect(!connection.isUsable)
    kill(backend, SIGCONT)
    try server.stop(.frozen)
    let silent = refusal { _ = try connectPostgres(server.connectionString("postgres"), timeouts: timeouts) }
    #expect(silent?.code == .unavailable)
    #expect(silent?.message.contains("it does not answer") == true, "\(silent?.message ?? "no error")")
    server.thaw()
    #expect(try await datastore.listEntries().count == 2)
    await datastore.close()
  }

  @Test func aReplicaTakesOver() async throws {
    let primary = try PostgresServer()
    let replica = try primary.makeReplica()
    let both = primary.connectionString("postgres").replacing("host=127.0.0.1", with: "host=127.0.0.1,127.0.0.1")
      .replacing("port=\(primary.port)", with: "port=\(primary.port),\(replica.port)")
    let datastore = try await openPostgres(both, replica: replica.connectionString("postgres"))
    let before = try await datastore.createEntry(entry("/before", "unix:uid:1")).entry
    // The replica answers what may be stale, once it has followed.
    try ServerProcess.wait(for: "replication") {
      try PostgresSession(replica.connectionString("postgres")).rows("SELECT to_regclass('registered_entries')")
        != [["NULL"]]
        && PostgresSession(replica.connectionString("postgres")).rows("SELECT count(*) FROM registered_entries") == [
          ["1"]
        ]
    }
    let stale = try await datastore.listEntries(EntryFilter(consistency: .tolerateStale))
    #expect(stale == [before])
    // It is no place to write to.
    let refused = await failure { _ = try await openPostgres(replica.connectionString("postgres")) }
    #expect(refused?.code == .unavailable)
    #expect(refused?.message.contains("is a read-only replica; connection_string must name the primary") == true)

    try primary.stop(.immediate)
    let away = await failure { _ = try await datastore.createEntry(entry("/while", "unix:uid:1")) }
    #expect(away?.code == .unavailable)
    try replica.promote()
    let after = try await datastore.createEntry(entry("/after", "unix:uid:1")).entry
    #expect(try await datastore.listEntries() == [before, after])
    await datastore.close()
  }
}

extension PostgresConnection {
  /// The process of the server that works for this connection.
  fileprivate func backend() throws(DatastoreError) -> pid_t {
    var pid: Int64 = 0
    try query("SELECT pg_backend_pid()", []) { (row: any SQLRow) throws(DatastoreError) in pid = row.integer(0) }
    return pid_t(pid)
  }
}
