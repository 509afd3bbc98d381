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
    let (type, aws) = Self.databaseType(&root)
    self.init(
      databaseType: type, aws: aws, connectionString: root.string("connection_string") ?? "",
      readOnlyConnectionString: root.string("ro_connection_string"), rootCAPath: root.string("root_ca_path"),
      clientCertificatePath: root.string("client_cert_path"), clientKeyPath: root.string("client_key_path"),
      maxOpenConnections: root.int("max_open_conns") ?? 100, maxIdleConnections: root.int("max_idle_conns") ?? 100,
      connectionMaxLifetime: lifetime, disableMigration: root.bool("disable_migration") ?? false,
      logSQL: root.bool("log_sql") ?? false)
    try decoding.finish()
  }

  /// `database_type = "x"`, or `database_type "x" { … }` where the database needs more than its name.
  private static func databaseType(_ root: inout HCLSection) -> (String, AWSDatabaseAccess?) {
    guard root.isSection("database_type"), let (labels, section) = root.labelled("database_type", levels: 1).last else {
      return (root.string("database_type") ?? "", nil)
    }
    var block = section
    let aws = AWSDatabaseAccess(
      region: block.string("region") ?? "", accessKeyID: block.string("access_key_id") ?? "",
      secretAccessKey: block.string("secret_access_key") ?? "")
    return (labels[0].text, aws)
  }
}
