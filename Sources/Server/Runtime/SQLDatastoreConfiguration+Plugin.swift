import Daemon
import DatastoreAPI
import HCL
import Plugins
import SQLDatastore

extension SQLDatastoreConfiguration {
  /// Reads the `plugin_data` of the block `DataStore "sql"` (server-behaviour §11.1).
  init(_ plugin: PluginConfiguration) throws {
    let document: HCLDocument
    switch plugin.data {
    case .none: throw DatastoreError(.invalidArgument, "datastore-sql: database_type must be set")
    case .text(let text): document = try HCLDocument.parse(text, file: "plugin_data")
    case .file(let path): document = try ConfigurationFile.read(path, expandEnvironment: nil)
    }
    let decoding = HCLDecoding(document)
    var root = decoding.root
    self.init(
      databaseType: root.string("database_type") ?? "", connectionString: root.string("connection_string") ?? "",
      readOnlyConnectionString: root.string("ro_connection_string"),
      maxOpenConnections: root.int("max_open_conns") ?? 100, disableMigration: root.bool("disable_migration") ?? false,
      logSQL: root.bool("log_sql") ?? false)
    try decoding.finish()
  }
}
