import SQLDatastore
import TestDatabases

/// A database of the tests' own that several servers share.
enum SharedDatabase: String, CaseIterable, Sendable {
  case postgres
  case mariaDB

  /// Runs `body` with a new, empty database.
  func with(_ body: (_ connectionString: String) async throws -> Void) async throws {
    switch self {
    case .postgres:
      let server = try PostgresServer.shared()
      let name = try server.makeDatabase()
      defer { server.dropDatabase(name) }
      try await body(server.connectionString(name))
    case .mariaDB:
      let server = try MariaDBServer.shared()
      let name = try server.makeDatabase()
      defer { server.dropDatabase(name) }
      try await body(server.connectionString(name))
    }
  }

  func configuration(_ connectionString: String) -> SQLDatastoreConfiguration {
    SQLDatastoreConfiguration(
      databaseType: self == .postgres ? "postgres" : "mysql", connectionString: connectionString)
  }

  /// A connection past the code under test: what runs a statement.
  func session(_ connectionString: String) throws -> (String) throws -> Void {
    switch self {
    case .postgres:
      let session = try PostgresSession(connectionString)
      return { try session.rows($0) }
    case .mariaDB:
      let name = connectionString.split(separator: "/").last.map { $0.prefix { $0 != "?" } } ?? ""
      let session = try MariaDBServer.shared().rootSession(String(name))
      return { try session.rows($0) }
    }
  }
}
