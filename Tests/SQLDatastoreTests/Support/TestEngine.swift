import Daemon
import DatastoreAPI
import Logging
import SPIFFE
import TestDatabases
import Testing

@testable import SQLDatastore

/// A kind of database that every contract test runs on. Another engine is one more value.
struct TestEngine: Sendable, CustomTestStringConvertible {
  let name: String
  var databaseType = "sqlite3"
  /// Makes an empty database and returns the text that opens it, and what removes it.
  let make: @Sendable (TemporaryFolder) throws -> (connectionString: String, remove: @Sendable () -> Void)

  var testDescription: String { name }

  static let sqliteFile = TestEngine(name: "SQLite file") { ($0.file("datastore.sqlite3"), {}) }
  static let sqliteMemory = TestEngine(name: "SQLite in memory") { _ in (":memory:", {}) }
  static let postgres = TestEngine(name: "PostgreSQL", databaseType: "postgres") { _ in
    let server = try PostgresServer.shared()
    let name = try server.makeDatabase()
    return (server.connectionString(name), { server.dropDatabase(name) })
  }
  static let mariaDB = TestEngine(name: "MariaDB", databaseType: "mysql") { _ in
    let server = try MariaDBServer.shared()
    let name = try server.makeDatabase()
    return (server.connectionString(name), { server.dropDatabase(name) })
  }

  /// The engines with a server of their own, which several datastores can share.
  static let servers = [postgres, mariaDB]
  static let all = [sqliteFile, sqliteMemory] + servers

  /// Opens a fresh database, runs `body` and closes it.
  func run(
    time: any TimeSource = TestTime(), metrics: Metrics = .none, _ body: (SQLDatastore) async throws -> Void
  ) async throws {
    try await withDatabase { text in
      // What MySQL is told is checked by the way: MySQL 8 is not at hand, MariaDB takes more than it would.
      let isMySQL = databaseType == "mysql"
      let datastore = try await open(
        text, databaseType, time: time, metrics: metrics,
        logger: isMySQL
          ? MySQLStatementCheck.logger : Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
        logSQL: isMySQL)
      do {
        try await body(datastore)
      } catch {
        await datastore.close()
        throw error
      }
      await datastore.close()
    }
  }

  /// Makes an empty database, gives `body` the text that opens it, and removes it.
  func withDatabase(_ body: (_ connectionString: String) async throws -> Void) async throws {
    let folder = try TemporaryFolder()
    let (text, remove) = try make(folder)
    defer { remove() }
    try await body(text)
    withExtendedLifetime(folder) {}
  }
}

func open(
  _ connectionString: String, _ databaseType: String = "sqlite3", time: any TimeSource = TestTime(),
  metrics: Metrics = .none,
  logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), disableMigration: Bool = false,
  logSQL: Bool = false
) async throws -> SQLDatastore {
  try await SQLDatastore.open(
    SQLDatastoreConfiguration(
      databaseType: databaseType, connectionString: connectionString, disableMigration: disableMigration,
      logSQL: logSQL),
    logger: logger, metrics: metrics, time: time)
}

/// The datastore's error that `body` throws.
func failure(_ body: () async throws -> Void) async -> DatastoreError? {
  do {
    try await body()
    return nil
  } catch {
    return error as? DatastoreError
  }
}

func id(_ path: String) throws -> SPIFFEID { try SPIFFEID("spiffe://example.org" + path) }

func selector(_ text: String) -> Selector {
  let parts = text.split(separator: ":", maxSplits: 1)
  return Selector(type: String(parts[0]), value: String(parts[1]))
}

func entry(
  _ path: String, parent: String = "/host", _ selectors: String..., id entryID: String = ""
) throws -> RegistrationEntry {
  RegistrationEntry(
    id: entryID, spiffeID: try id(path), parentID: try id(parent), selectors: selectors.map(selector))
}

func agent(_ path: String, serial: String = "1", expiresAt: Int64 = 2_000_000_000) throws -> AttestedNode {
  AttestedNode(id: try id(path), attestationType: "x509pop", serialNumber: serial, expiresAt: expiresAt)
}

extension Result where Failure == DatastoreError {
  var error: DatastoreError? {
    if case .failure(let error) = self { error } else { nil }
  }
}
