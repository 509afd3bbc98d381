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
