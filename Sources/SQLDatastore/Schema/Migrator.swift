import Daemon
import DatastoreAPI
import Logging

/// Brings a database to the current schema, or says why it must not (server-behaviour §11.3).
///
/// Run once when the datastore opens, on the writing connection.
struct Migrator {
  let connection: any SQLConnection
  let logger: Logger
  let time: any TimeSource
  let isDisabled: Bool
  var codeVersion = Version.upstream

  /// The row of the `migrations` table.
  private struct State {
    var version: Int
    var codeVersion: String
  }

  /// Returns what the schema has when done.
  func run() throws(DatastoreError) -> SchemaFeatures {
    guard try connection.dialect.hasTable("bundles", in: connection) else { return try create() }
    let state = try read()
    guard let code = CodeVersion(codeVersion) else {
      throw .sql(.internal, "unable to parse code version: \"\(codeVersion)\"")
    }
    let database = try parse(state.codeVersion)
    let schema = SchemaFeatures(version: state.version)
    if state.version < SchemaFeatures.oldestVersion {
      throw .sql(
        .failedPrecondition,
        "migrating from schema version \(state.version) requires a previous SPIRE release; "
          + "please follow the upgrade strategy at doc/upgrading.md")
    }
    if state.version == SchemaFeatures.currentVersion {
      logger.debug("Code and DB schema versions are the same. No migration needed", metadata: metadata(state))
      if database.map({ $0 < code }) ?? true { try write(version: state.version) }
      return schema
    }
    let isCompatible = database?.isCompatible(with: code) ?? false
    if state.version > SchemaFeatures.currentVersion {
      guard isCompatible else { throw .sql(.failedPrecondition, "incompatible DB schema and code version") }
      logger.warning(
        "DB schema is ahead of code version, upgrading SPIRE Server is recommended", metadata: metadata(state))
      return .current
    }
    if isDisabled {
      guard isCompatible else { throw .sql(.failedPrecondition, "auto-migration must be enabled for current DB") }
      logger.warning("DB schema is older than the code and migration is disabled", metadata: metadata(state))
      return schema
    }
    try migrate(from: state)
    return .current
  }

  private func create() throws(DatastoreError) -> SchemaFeatures {
    logger.info("Initializing new database")
    try transaction { () throws(DatastoreError) in
      // Another server may have been first while this one waited.
      guard try !connection.dialect.hasTable("bundles", in: connection) else { return }
      for statement in connection.dialect.createSchema { try connection.post(statement, []) }
      let now = SQLValue.time(SQLTime(time.now))
      _ = try connection.insert(
        "INSERT INTO migrations (created_at, updated_at, version, code_version) VALUES (?, ?, ?, ?)",
        [now, now, .integer(Int64(SchemaFeatures.currentVersion)), .text(codeVersion)])
    }
    return .current
  }

  private func migrate(from state: State) throws(DatastoreError) {
    logger.info("Running migrations...", metadata: metadata(state))
    for migration in Migration.all where migration.version > state.version {
      logger.info("Migrating version", metadata: ["schema": "\(migration.version)"])
      try transaction { () throws(DatastoreError) in
        guard try read().version < migration.version else { return }
        for column in migration.columns { try connection.execute(connection.dialect.addColumn(column), []) }
        try write(version: migration.version)
      }
    }
    logger.info("Done running migrations")
  }

  private func read() throws(DatastoreError) -> State {
    var state: State?
    try connection.query("SELECT version, code_version FROM migrations ORDER BY id LIMIT 1", []) {
      (row: any SQLRow) throws(DatastoreError) in
      state = State(version: Int(row.integer(0)), codeVersion: row.text(1))
    }
    return state ?? State(version: 0, codeVersion: "")
  }

  private func write(version: Int) throws(DatastoreError) {
    try connection.execute(
      "UPDATE migrations SET updated_at = ?, version = ?, code_version = ?",
      [.time(SQLTime(time.now)), .integer(Int64(version)), .text(codeVersion)])
  }

  private func parse(_ text: String) throws(DatastoreError) -> CodeVersion? {
    if text.isEmpty { return nil }
    guard let version = CodeVersion(text) else {
      throw .sql(.failedPrecondition, "unable to parse code version from DB: \"\(text)\"")
    }
    return version
  }

  private func transaction(_ body: () throws(DatastoreError) -> Void) throws(DatastoreError) {
    for statement in connection.dialect.beginMigration { try connection.execute(statement, []) }
    do throws(DatastoreError) {
      try body()
      for statement in connection.dialect.commitMigration { try connection.execute(statement, []) }
    } catch {
      for statement in connection.dialect.rollbackMigration { _ = try? connection.execute(statement, []) }
      throw error
    }
  }

  private func metadata(_ state: State) -> Logger.Metadata {
    ["schema": "\(state.version)", "code_version": "\(state.codeVersion)"]
  }
}
