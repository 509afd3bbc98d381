package import DatastoreAPI

/// The `plugin_data` of `DataStore "sql"`, read (server-behaviour §11.1).
package struct SQLDatastoreConfiguration: Hashable, Sendable {
  /// `database_type`
  package var databaseType: String
  /// `connection_string`
  package var connectionString: String
  /// `ro_connection_string`: a replica for reads that tolerate stale data.
  package var readOnlyConnectionString: String?
  /// `max_open_conns`
  package var maxOpenConnections: Int
  /// `max_idle_conns`: connections that stay open while nobody uses them.
  package var maxIdleConnections: Int
  /// `conn_max_lifetime`: how old a connection may get; nil for no limit.
  package var connectionMaxLifetime: Duration?
  /// `disable_migration`
  package var disableMigration: Bool
  /// `log_sql`
  package var logSQL: Bool

  package init(
    databaseType: String = "sqlite3", connectionString: String, readOnlyConnectionString: String? = nil,
    maxOpenConnections: Int = 100, maxIdleConnections: Int = 100, connectionMaxLifetime: Duration? = nil,
    disableMigration: Bool = false, logSQL: Bool = false
  ) {
    self.databaseType = databaseType
    self.connectionString = connectionString
    self.readOnlyConnectionString = readOnlyConnectionString
    self.maxOpenConnections = maxOpenConnections
    self.maxIdleConnections = maxIdleConnections
    self.connectionMaxLifetime = connectionMaxLifetime
    self.disableMigration = disableMigration
    self.logSQL = logSQL
  }

  /// Checks what can be checked without opening the database.
  package func validate() throws(DatastoreError) {
    guard !databaseType.isEmpty else { throw .sql(.invalidArgument, "database_type must be set") }
    guard !connectionString.isEmpty else { throw .sql(.invalidArgument, "connection_string must be set") }
    guard databaseType == "sqlite3" else {
      throw .sql(.invalidArgument, "unsupported database_type: \(databaseType)")
    }
    _ = try SQLiteDSN(connectionString)
    if let readOnlyConnectionString { _ = try SQLiteDSN(readOnlyConnectionString) }
  }
}
