import Daemon
import HCL
import Plugins
import SPIFFE
import SQLDatastore

/// Where a server keeps what it must not lose, read from its configuration: what `backup` reads and `restore` replaces.
package struct ServerState: Sendable {
  /// Where the private keys of the authorities are.
  enum Keys: Hashable, Sendable {
    case file(String)
    /// A key manager that keeps its keys elsewhere, or in memory.
    case elsewhere(String)
  }

  let trustDomain: TrustDomain
  let connectionString: String
  let databasePath: String
  let keys: Keys
  let socketPath: String

  package init(_ configuration: ServerConfiguration) throws {
    let database = try SQLDatastoreConfiguration(configuration.datastore)
    try self.init(
      trustDomain: configuration.trustDomain, database: database, plugins: configuration.plugins,
      socketPath: configuration.socketPath)
  }

  init(
    trustDomain: TrustDomain, database: SQLDatastoreConfiguration, plugins: [PluginConfiguration], socketPath: String
  ) throws {
    self.trustDomain = trustDomain
    self.socketPath = socketPath
    if database.databaseType != "sqlite3", let refusal = Self.refusal(database.databaseType) { throw refusal }
    try database.validate()
    connectionString = database.connectionString
    guard let path = try SQLiteCopy.path(of: connectionString) else {
      throw ServerError(
        .cannotBackUp, "the datastore is in memory and ends with the server; there is nothing to back up or restore")
    }
    databasePath = path
    keys = try Self.keys(plugins)
  }

  /// The database servers have tools of their own, which know their users, replicas and logs.
  private static func refusal(_ type: String) -> ServerError? {
    let tools: String
    if type.contains("postgres") {
      tools = "back it up with `pg_dump --format=custom` and restore it with `pg_restore --clean --single-transaction`"
    } else if type.contains("mysql") {
      tools =
        "back it up with `mariadb-dump --single-transaction` (or `mysqldump --single-transaction`) "
        + "and restore it with `mariadb` (or `mysql`)"
    } else {
      return nil
    }
    return ServerError(
      .cannotBackUp,
      "the datastore is a \(type) database, and this command copies SQLite files only: \(tools) while every server is "
        + "stopped; copy the keys of the KeyManager beside it")
  }

  private static func keys(_ plugins: [PluginConfiguration]) throws -> Keys {
    guard let plugin = plugins.first(where: { $0.type == "KeyManager" && $0.isEnabled }) else {
      throw ServerError(.notConfigured, "no KeyManager is configured")
    }
    guard plugin.name == "disk", plugin.command.isEmpty else { return .elsewhere(plugin.name) }
    let document: HCLDocument
    switch plugin.data {
    case .none: throw ServerError(.notConfigured, "KeyManager \"disk\" needs keys_path")
    case .text(let text): document = try HCLDocument.parse(text, file: "plugin_data")
    case .file(let path): document = try ConfigurationFile.read(path, expandEnvironment: nil)
    }
    let decoding = HCLDecoding(document)
    var root = decoding.root
    let path = root.string("keys_path") ?? ""
    try decoding.finish()
    guard !path.isEmpty else { throw ServerError(.notConfigured, "KeyManager \"disk\" needs keys_path") }
    return .file(path)
  }

  /// Refuses a database of another trust domain.
  func check(_ inspection: SQLiteInspection, _ name: String) throws {
    let own = trustDomain.idString
    if let id = inspection.firstEntryID, id != own, !id.hasPrefix(own + "/") {
      throw ServerError(
        .badBackup, "\(name) is not of trust domain \(trustDomain): its first entry is \(id); correct -config")
    }
    if !inspection.bundles.isEmpty, !inspection.bundles.contains(own) {
      throw ServerError(
        .badBackup,
        "\(name) is not of trust domain \(trustDomain): it has bundles of \(inspection.bundles.joined(separator: ", ")) "
          + "only; correct -config")
    }
  }
}
