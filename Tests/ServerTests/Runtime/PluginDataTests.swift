import DatastoreAPI
import Plugins
import SQLDatastore
import Testing

@testable import Server

/// The `plugin_data` of `DataStore "sql"` (server-behaviour §11.1).
@Suite struct PluginDataTests {
  private func read(_ text: String) throws -> SQLDatastoreConfiguration {
    try SQLDatastoreConfiguration(PluginConfiguration(type: "DataStore", name: "sql", data: .text(text)))
  }

  @Test func everyKeyIsRead() throws {
    #expect(
      try read(
        """
        database_type = "sqlite3" connection_string = "a" ro_connection_string = "b" max_open_conns = 7
        max_idle_conns = 0 conn_max_lifetime = "90s" disable_migration = true log_sql = true
        """)
        == SQLDatastoreConfiguration(
          connectionString: "a", readOnlyConnectionString: "b", maxOpenConnections: 7, maxIdleConnections: 0,
          connectionMaxLifetime: .seconds(90), disableMigration: true, logSQL: true))
    #expect(try read("connection_string = \"a\" conn_max_lifetime = \"\"").connectionMaxLifetime == nil)
  }

  @Test func everyKeyOfTheOtherEnginesIsRead() throws {
    #expect(
      try read(
        """
        database_type = "mysql" connection_string = "a" root_ca_path = "r" client_cert_path = "c"
        client_key_path = "k"
        """)
        == SQLDatastoreConfiguration(
          databaseType: "mysql", connectionString: "a", rootCAPath: "r", clientCertificatePath: "c",
          clientKeyPath: "k"))
    #expect(
      try read(
        """
        database_type "aws_postgres" { region = "eu-west-1" access_key_id = "i" secret_access_key = "s" }
        connection_string = "a"
        """)
        == SQLDatastoreConfiguration(
          databaseType: "aws_postgres",
          aws: AWSDatabaseAccess(region: "eu-west-1", accessKeyID: "i", secretAccessKey: "s"), connectionString: "a"))
  }

  @Test func whatADatabaseNeedsIsNamed() throws {
    func problem(_ text: String) -> String? {
      do {
        try read(text).validate()
        return nil
      } catch {
        return (error as? DatastoreError)?.message
      }
    }
    #expect(
      problem("database_type = \"oracle\" connection_string = \"a\"")
        == "datastore-sql: unsupported database_type: oracle")
    #expect(problem("connection_string = \"a\"") == "datastore-sql: database_type must be set")
    #expect(problem("database_type = \"postgres\"") == "datastore-sql: connection_string must be set")
    #expect(
      problem("database_type \"aws_postgres\" {} connection_string = \"host=a\"")
        == "datastore-sql: region must be specified")
    #expect(
      problem("database_type = \"aws_postgres\" connection_string = \"host=a\"")
        == "datastore-sql: region must be specified")
    #expect(problem("database_type = \"postgres\" connection_string = \"host=a\"") == nil)
  }

  @Test func aLifetimeThatIsNoneIsNamed() throws {
    do {
      _ = try read("conn_max_lifetime = \"soon\"")
      Issue.record("taken")
    } catch let error as DatastoreError {
      #expect(error.code == .invalidArgument)
      #expect(
        error.message
          == "datastore-sql: failed to parse conn_max_lifetime \"soon\": time: invalid duration \"soon\"")
    }
  }
}
