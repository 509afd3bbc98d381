import Daemon
import DatastoreAPI
import Logging
import SPIFFE
import Testing

@testable import SQLDatastore

/// A kind of database that every contract test runs on. Another engine is one more value.
struct TestEngine: Sendable, CustomTestStringConvertible {
  let name: String
  let connectionString: @Sendable (TemporaryFolder) -> String

  var testDescription: String { name }

  static let all = [
    TestEngine(name: "SQLite file") { $0.file("datastore.sqlite3") },
    TestEngine(name: "SQLite in memory") { _ in ":memory:" },
  ]

  /// Opens a fresh database, runs `body` and closes it.
  func run(
    time: any TimeSource = TestTime(), metrics: Metrics = .none, _ body: (SQLDatastore) async throws -> Void
  ) async throws {
    let folder = try TemporaryFolder()
    let datastore = try await open(connectionString(folder), time: time, metrics: metrics)
    try await body(datastore)
    await datastore.close()
    withExtendedLifetime(folder) {}
  }
}

func open(
  _ connectionString: String, time: any TimeSource = TestTime(), metrics: Metrics = .none,
  logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), disableMigration: Bool = false,
  logSQL: Bool = false
) async throws -> SQLDatastore {
  try await SQLDatastore.open(
    SQLDatastoreConfiguration(
      connectionString: connectionString, disableMigration: disableMigration, logSQL: logSQL),
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
