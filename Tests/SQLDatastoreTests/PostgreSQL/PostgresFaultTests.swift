import DatastoreAPI
import Foundation
import Logging
import SPIFFE
import Synchronization
import TestDatabases
import Testing

@testable import SQLDatastore

/// What goes wrong with a database on the network is named, and heals without a restart.
@Suite struct PostgresFaultTests {
  @Test func whatIsWrongWithTheConnectionStringIsNamed() async throws {
    let server = try PostgresServer.shared()
    let port = try ServerProcess.freePort()
    let rows: [(text: String, words: [String])] = [
      (server.connectionString("postgres", password: "wrong-secret"), ["refuses the user or the password"]),
      (server.connectionString("postgres", user: "nobody"), ["refuses the user or the password"]),
      (server.connectionString("missing"), ["database of connection_string is not there", "missing"]),
      ("host=127.0.0.1 port=\(port) sslmode=disable password=secret", ["nothing listens there", "\(port)"]),
      (server.connectionString("postgres", more: "sslmode=verify-full sslrootcert=/none.crt"), ["sslrootcert"]),
      (server.connectionString("postgres", more: "sslmode=disable nonsense_setting=1"), ["nonsense_setting"]),
    ]
    for (text, words) in rows {
      let error = await failure { _ = try await openPostgres(text) }
      #expect(error?.code == .unavailable)
      for word in words + ["connection_string"] {
        #expect(error?.message.contains(word) == true, "\(word): \(error?.message ?? "no error")")
      }
      #expect(error?.message.contains("secret") == false)
      #expect(error?.message.contains(PostgresServer.password) == false)
    }
  }

  @Test func connectionsAreEncryptedUnlessToldOtherwise() async throws {
    let server = try PostgresServer.shared()
    func isEncrypted(_ more: String) throws -> Bool {
      let connection = try connectPostgres(server.connectionString("postgres", more: more))
      var isEncrypted = false
      try connection.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", []) {
        (row: any SQLRow) throws(DatastoreError) in isEncrypted = row.bool(0)
      }
      return isEncrypted
    }
    #expect(try isEncrypted(""))
    #expect(try isEncrypted("sslmode=verify-full sslrootcert=\(server.folder)/server.crt"))
    #expect(try !isEncrypted("sslmode=disable"))
    let folder = try TemporaryFolder()
    let other = folder.file("other.crt")
    try ServerProcess.run([
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
      "-keyout", folder.file("other.key"), "-out", other,
    ])
    let error = refusal { _ = try isEncrypted("sslmode=verify-ca sslrootcert=\(other)") }
    #expect(error?.message.contains("its certificate is not trusted; correct sslrootcert") == true)
  }

  @Test func aDatabaseOfSomethingElseIsNamed() async throws {
    try await TestEngine.postgres.withDatabase { text in
      let raw = try PostgresSession(text)
      try raw.rows("CREATE TABLE bundles (id serial PRIMARY KEY)")
      let error = await failure { _ = try await openPostgres(text) }
      #expect(error?.code == .failedPrecondition)
      #expect(error?.message.contains("lacks a table or column of SPIRE") == true)
      let nowhere = await failure { _ = try await openPostgres(text + " search_path=nowhere") }
      #expect(nowhere?.code == .failedPrecondition)
      #expect(nowhere?.message.contains("no schema to create tables in; correct search_path") == true)
      // A schema of its own is as good as a database.
      try raw.rows("CREATE SCHEMA spire")
      let datastore = try await openPostgres(text + " search_path=spire")
      _ = try await datastore.createEntry(entry("/web", "unix:uid:1"))
      await datastore.close()
      #expect(try raw.rows("SELECT spiffe_id FROM spire.registered_entries") == [["spiffe://example.org/web"]])
    }
  }

  @Test func aUserWithoutRightsIsNamed() async throws {
    let server = try PostgresServer.shared()
    try await TestEngine.postgres.withDatabase { text in
      await (try openPostgres(text)).close()
      let raw = try PostgresSession(text)
      let user = "reader_\(UUID().uuidString.prefix(8).lowercased())"
      try raw.rows("CREATE ROLE \(user) LOGIN PASSWORD 'x'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO \(user)")
      let name = try raw.rows("SELECT current_database()")[0][0]
      let datastore = try await openPostgres(server.connectionString(name, user: user, password: "x"))
      let error = await failure { try await datastore.createJoinToken(JoinToken(value: "t", expiresAt: 1)) }
      #expect(error?.code == .failedPrecondition)
      #expect(error?.message.contains("lacks a right") == true)
      #expect(error?.message.contains("join_tokens") == true)
      await datastore.close()
      try raw.rows("DROP OWNED BY \(user); DROP ROLE \(user)")
    }
  }

  @Test func aConnectionThatWasCutIsReplaced() async throws {
    try await TestEngine.postgres.withDatabase { text in
      let datastore = try await openPostgres(text + " application_name=victim")
      let raw = try PostgresSession(text)
      _ = try await datastore.createEntry(entry("/before", "unix:uid:1"))
      _ = try await datastore.countEntries()
      let cut = """
        SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
        WHERE application_name = 'victim' AND datname = current_database()
        """
      // Between two calls.
      #expect(try raw.rows(cut) == [["2"]])
      #expect(try await datastore.countEntries() == 1)
      _ = try await datastore.createEntry(entry("/between", "unix:uid:1"))
      // Within a transaction, before its commit: it is run again, and what was done before the cut is not there twice.
      let runs = Runs()
      let uncertain = Uncertainty()
      datastore.changes.observe(uncertain)
      let within = try entry("/within", "unix:uid:1")
      _ = try await datastore.writeUncounted { (transaction) throws(DatastoreError) in
        _ = try transaction.createEntry(within)
        if runs.next() == 1 { _ = try? PostgresSession(text).rows(cut) }
        _ = try transaction.countEntries(SQLCondition())
      }
      #expect(runs.count == 2)
      let paths = try await datastore.listEntries().map(\.spiffeID.path)
      #expect(paths == ["/before", "/between", "/within"])
      #expect(uncertain.count == 0)
      #expect(uncertain.entries == 1)
      await datastore.close()
    }
  }

  @Test func aCommitWhoseAnswerIsLostIsUncertain() async throws {
    try await TestEngine.postgres.withDatabase { text in
      let datastore = try await openPostgres(text + " application_name=victim")
      let raw = try PostgresSession(text)
      // The connection ends while the transaction is being committed.
      try raw.rows(
        """
        CREATE FUNCTION cut() RETURNS trigger AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$
        LANGUAGE plpgsql;
        CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON join_tokens DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION cut()
        """)
      let uncertain = Uncertainty()
      datastore.changes.observe(uncertain)
      let error = await failure { try await datastore.createJoinToken(JoinToken(value: "t", expiresAt: 1)) }
      #expect(error?.code == .unavailable)
      #expect(uncertain.count == 1)
      try raw.rows("DROP FUNCTION cut CASCADE")
      try await datastore.createJoinToken(JoinToken(value: "t", expiresAt: 1))
      await datastore.close()
    }
  }

  @Test func aTransactionThatStoodInAnothersWayIsRunAgain() async throws {
    try await TestEngine.postgres.run { datastore in
      for (state, expected) in [("40001", 3), ("40P01", 3), ("23514", 1)] {
        let runs = Runs()
        let error = await failure {
          try await datastore.writeUncounted { (transaction) throws(DatastoreError) in
            guard runs.next() < 3 else { return }
            try transaction.execute("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '\(state)'; END $$")
          }
        }
        #expect(runs.count == expected)
        #expect((error == nil) == (expected == 3))
      }
      // Not for ever.
      let runs = Runs()
      let error = await failure {
        try await datastore.writeUncounted { (transaction) throws(DatastoreError) in
          _ = runs.next()
          try transaction.execute("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$")
        }
      }
      #expect(error?.code == .unavailable)
      #expect(error?.message.contains("another transaction stands in the way; try again") == true)
      #expect(runs.count == 4)
    }
  }

  @Test func aStatementThatTakesTooLongEnds() throws {
    let server = try PostgresServer.shared()
    let connection = try connectPostgres(
      server.connectionString("postgres"), timeouts: .init(statement: .milliseconds(50)))
    let error = refusal { try connection.execute("SELECT pg_sleep(600)", []) }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("took longer than statement_timeout") == true)
    #expect(connection.isUsable)
  }
}

/// Counts how often something ran.
final class Runs: Sendable {
  private let state = Mutex(0)
  var count: Int { state.withLock { $0 } }
  func next() -> Int {
    state.withLock {
      $0 += 1
      return $0
    }
  }
}

/// Counts what the datastore tells its observers.
final class Uncertainty: CommitObserver {
  private let state = Mutex((uncertain: 0, entries: 0))
  var count: Int { state.withLock { $0.uncertain } }
  var entries: Int { state.withLock { $0.entries } }
  func committed(_ commit: DatastoreCommit) { state.withLock { $0.entries += commit.entries.count } }
  func commitIsUncertain() { state.withLock { $0.uncertain += 1 } }
}
