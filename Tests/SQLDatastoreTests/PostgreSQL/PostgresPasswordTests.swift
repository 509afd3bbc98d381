import Daemon
import DatastoreAPI
import Synchronization
import TestDatabases
import Testing

@testable import SQLDatastore

/// Passwords that are made for each connection, as those of `aws_postgres` are.
@Suite struct PostgresPasswordTests {
  private final class Source: PasswordSource {
    let asked = Mutex<[String]>([])
    let password: String
    init(_ password: String) { self.password = password }
    func password(endpoint: String, user: String) throws(DatastoreError) -> String {
      asked.withLock { $0.append("\(user)@\(endpoint)") }
      if password.isEmpty { throw DatastoreError(.unavailable, "no credentials") }
      return password
    }
  }

  private func use(_ source: Source) async throws {
    let server = try PostgresServer.shared()
    let text = "host=127.0.0.1 port=\(server.port) user=\(PostgresServer.user) dbname=postgres"
    let configuration = SQLDatastoreConfiguration(databaseType: "aws_postgres", connectionString: text)
    let engine = PostgresEngine(passwords: source)
    try engine.check(text)
    let pool = try engine.pool(
      text, .primary, SQLPoolSetup(configuration: configuration, time: TestTime(), logger: RecordingLog().logger))
    do throws(DatastoreError) {
      for _ in 0..<2 {
        try await pool.write { (connection) throws(DatastoreError) in _ = try connection.execute("SELECT 1", []) }
        try await pool.read { (connection) throws(DatastoreError) in _ = try connection.execute("SELECT 1", []) }
      }
    } catch {
      await pool.close()
      throw error
    }
    await pool.close()
  }

  @Test func eachConnectionGetsOne() async throws {
    let source = Source(PostgresServer.password)
    try await use(source)
    let port = try PostgresServer.shared().port
    #expect(source.asked.withLock { $0 } == Array(repeating: "\(PostgresServer.user)@127.0.0.1:\(port)", count: 2))
  }

  @Test func itsFaultIsReported() async throws {
    let error = await failure { try await use(Source("")) }
    #expect(error?.message == "no credentials")
    let wrong = await failure { try await use(Source("wrong-token")) }
    #expect(wrong?.message.contains("refuses the user or the password") == true)
    #expect(wrong?.message.contains("wrong-token") == false)
  }

  @Test func aPasswordBesideItIsRefused() {
    for text in ["host=a password=b", "postgres://u:b@a/d"] {
      let error = refusal { try PostgresEngine(passwords: Source("x")).check(text) }
      #expect(
        error?.message == "datastore-sql: unexpected password in connection string for IAM authentication")
    }
  }
}
