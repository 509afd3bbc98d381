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
    var lifetime: Duration?
    if let text = root.string("conn_max_lifetime"), !text.isEmpty {
      do { lifetime = try GoDuration.parse(text) } catch {
        throw DatastoreError(
          .invalidArgument, "datastore-sql: failed to parse conn_max_lifetime \(GoText.quote(text)): \(error)")
      }
    }
    self.init(
      databaseType: root.string("database_type") ?? "", connectionString: root.string("connection_string") ?? "",
      readOnlyConnectionString: root.string("ro_connection_string"),
      maxOpenConnections: root.int("max_open_conns") ?? 100, maxIdleConnections: root.int("max_idle_conns") ?? 100,
      connectionMaxLifetime: lifetime, disableMigration: root.bool("disable_migration") ?? false,
      logSQL: root.bool("log_sql") ?? false)
    try decoding.finish()
  }
}
