package import DatastoreAPI

/// The `plugin_data` of `DataStore "sql"`, read (server-behaviour §11.1).
package struct SQLDatastoreConfiguration: Hashable, Sendable {
  /// `database_type`, as text or as the label of a block: `sqlite3`, `postgres`, `mysql`, `aws_postgres`, `aws_mysql`.
  package var databaseType: String
  /// The block of `database_type "aws_postgres"` or `"aws_mysql"`.
  package var aws: AWSDatabaseAccess?
  /// `connection_string`
  package var connectionString: String
  /// `ro_connection_string`: a replica for reads that tolerate stale data.
  package var readOnlyConnectionString: String?
  /// `root_ca_path` (MySQL): a PEM file of the authorities that may have issued the database's certificate.
  package var rootCAPath: String?
  /// `client_cert_path` (MySQL)
  package var clientCertificatePath: String?
  /// `client_key_path` (MySQL)
  package var clientKeyPath: String?
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
    databaseType: String = "sqlite3", aws: AWSDatabaseAccess? = nil, connectionString: String,
    readOnlyConnectionString: String? = nil, rootCAPath: String? = nil, clientCertificatePath: String? = nil,
    clientKeyPath: String? = nil, maxOpenConnections: Int = 100, maxIdleConnections: Int = 100,
    connectionMaxLifetime: Duration? = nil, disableMigration: Bool = false, logSQL: Bool = false
  ) {
    self.databaseType = databaseType
    self.aws = aws
    self.connectionString = connectionString
    self.readOnlyConnectionString = readOnlyConnectionString
    self.rootCAPath = rootCAPath
    self.clientCertificatePath = clientCertificatePath
    self.clientKeyPath = clientKeyPath
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
    let engine = try SQLEngines.engine(self)
    try engine.check(connectionString)
    if let readOnlyConnectionString, !readOnlyConnectionString.isEmpty { try engine.check(readOnlyConnectionString) }
  }
}
