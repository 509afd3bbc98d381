import Daemon
import DatastoreAPI
import Logging
import TestDatabases

@testable import SQLDatastore

/// A datastore on a PostgreSQL database.
func openPostgres(
  _ connectionString: String, replica: String? = nil, logger: Logger = RecordingLog().logger,
  disableMigration: Bool = false, time: any TimeSource = TestTime()
) async throws -> SQLDatastore {
  try await SQLDatastore.open(
    SQLDatastoreConfiguration(
      databaseType: "postgres", connectionString: connectionString, readOnlyConnectionString: replica,
      disableMigration: disableMigration), logger: logger, metrics: .none, time: time)
}

/// A connection of the driver itself, as a datastore opens it.
func connectPostgres(
  _ connectionString: String, timeouts: PostgresTimeouts = PostgresTimeouts()
) throws -> PostgresConnection {
  try PostgresConnection(PostgresDSN(connectionString), role: .primary, timeouts: timeouts)
}

/// The datastore's error that `body` throws.
func refusal(_ body: () throws -> Void) -> DatastoreError? {
  do {
    try body()
    return nil
  } catch {
    return error as? DatastoreError
  }
}
