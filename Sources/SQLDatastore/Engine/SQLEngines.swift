import DatastoreAPI
import Logging

/// The engines by the `database_type` of the configuration.
enum SQLEngines {
  /// - Parameter logger: hears of trouble with the source of passwords.
  static func engine(
    _ configuration: SQLDatastoreConfiguration, logger: Logger? = nil
  ) throws(DatastoreError) -> any SQLEngine {
    switch configuration.databaseType {
    case "sqlite3": return SQLiteEngine()
    case "postgres", "aws_postgres": return PostgresEngine(passwords: try passwords(configuration, logger))
    case "mysql", "aws_mysql":
      return MySQLEngine(
        passwords: try passwords(configuration, logger),
        tls: MySQLTLS(
          rootCAPath: configuration.rootCAPath, clientCertificatePath: configuration.clientCertificatePath,
          clientKeyPath: configuration.clientKeyPath))
    default: throw unsupported(configuration)
    }
  }

  /// The source of passwords for `aws_postgres` and `aws_mysql`; nil where the connection string holds the password.
  private static func passwords(
    _ configuration: SQLDatastoreConfiguration, _ logger: Logger?
  ) throws(DatastoreError) -> (any PasswordSource)? {
    guard configuration.databaseType.hasPrefix("aws_") else { return nil }
    return try RDSToken(configuration.aws ?? AWSDatabaseAccess(region: ""), logger: logger)
  }

  private static func unsupported(_ configuration: SQLDatastoreConfiguration) -> DatastoreError {
    .sql(.invalidArgument, "unsupported database_type: \(configuration.databaseType)")
  }
}
