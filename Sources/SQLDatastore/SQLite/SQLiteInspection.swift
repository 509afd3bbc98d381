package import DatastoreAPI

/// What a SQLite datastore holds, read from a file whose every page was checked. `backup` and `restore` make it.
package struct SQLiteInspection: Hashable, Sendable {
  package var schemaVersion = 0
  package var codeVersion = ""
  package var entries = 0
  package var agents = 0
  /// The trust domain IDs of the bundles.
  package var bundles: [String] = []
  package var joinTokens = 0
  /// The active X.509 authority of each CA journal: one per server that used the database.
  package var activeAuthorities: [String] = []
  package var bannedAgents: [String] = []
  /// The SPIFFE ID of the first entry: entries belong to the server's own trust domain.
  package var firstEntryID: String?

  /// Checks and reads a database file that nobody writes.
  package init(file path: String) throws(DatastoreError) {
    // Not even a lock file is made beside it.
    try self.init(SQLiteCopy.dsn(path, options: [.init(name: "immutable", value: "1")]))
  }

  /// Checks and reads a database that may be in use.
  package init(inUse connectionString: String) throws(DatastoreError) {
    try self.init(SQLiteDSN(connectionString))
  }

  private init(_ dsn: SQLiteDSN) throws(DatastoreError) {
    let connection = try SQLiteConnection(dsn, isReader: true, statementLogger: nil)
    func texts(_ sql: String) throws(DatastoreError) -> [String] {
      var texts: [String] = []
      try connection.query(sql, []) { (row: any SQLRow) throws(DatastoreError) in texts.append(row.text(0)) }
      return texts
    }
    func number(_ sql: String) throws(DatastoreError) -> Int { Int(try texts(sql).first ?? "") ?? 0 }
    let faults = try texts("PRAGMA integrity_check(3)")
    guard faults == ["ok"] else {
      throw .sql(.unavailable, "\(dsn.displayName) is damaged: \(faults.joined(separator: "; "))")
    }
    for table in ["migrations", "bundles", "registered_entries", "ca_journals"]
    where try !connection.dialect.hasTable(table, in: connection) {
      throw .sql(.failedPrecondition, "\(dsn.displayName) is not a datastore of a server: it has no table \(table)")
    }
    schemaVersion = try number("SELECT version FROM migrations ORDER BY id LIMIT 1")
    codeVersion = try texts("SELECT code_version FROM migrations ORDER BY id LIMIT 1").first ?? ""
    entries = try number("SELECT COUNT(*) FROM registered_entries")
    agents = try number("SELECT COUNT(*) FROM attested_node_entries")
    bundles = try texts("SELECT trust_domain FROM bundles ORDER BY id")
    joinTokens = try number("SELECT COUNT(*) FROM join_tokens")
    activeAuthorities = try texts(
      "SELECT active_x509_authority_id FROM ca_journals WHERE active_x509_authority_id <> '' ORDER BY id")
    bannedAgents = try texts("SELECT spiffe_id FROM attested_node_entries WHERE serial_number = '' ORDER BY spiffe_id")
    firstEntryID = try texts("SELECT spiffe_id FROM registered_entries ORDER BY id LIMIT 1").first
  }

  /// Says why this version cannot use the schema, or nil when it can; an older one is migrated at the start.
  package var schemaProblem: String? {
    if schemaVersion < SchemaFeatures.oldestVersion {
      return "its schema version \(schemaVersion) is too old; this version migrates \(SchemaFeatures.oldestVersion) "
        + "and newer"
    }
    if schemaVersion > SchemaFeatures.currentVersion {
      return "its schema version \(schemaVersion) is newer than this version's \(SchemaFeatures.currentVersion); "
        + "restore it with the version of the server that made it (code version \(codeVersion))"
    }
    return nil
  }
}
