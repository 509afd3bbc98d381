import Daemon
import DatastoreAPI
import Foundation
import Logging
import SPIFFE
import TestDatabases
import Testing

@testable import SQLDatastore

/// The schema on PostgreSQL, as the reference has it (server-behaviour §11.2), and the steps to it.
@Suite struct PostgresSchemaTests {
  /// Table, column, type, whether NULL is refused, what it is by default.
  private static let columns = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
    COALESCE(pg_get_expr(d.adbin, d.adrelid), '') FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped \
    ORDER BY c.relname COLLATE "C", a.attnum
    """
  private static let indexes = """
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname COLLATE "C"
    """

  /// Written from the reference.
  private static let tables: [(name: String, columns: [(String, String)])] = [
    (
      "attested_node_entries",
      [
        ("spiffe_id", "text"), ("data_type", "text"), ("serial_number", "text"), ("expires_at", "time"),
        ("new_serial_number", "text"), ("new_expires_at", "time"), ("can_reattest", "boolean"),
        ("agent_version", "text"),
      ]
    ),
    ("attested_node_entries_events", [("spiffe_id", "text")]),
    ("bundles", [("trust_domain", "text!"), ("data", "bytea")]),
    (
      "ca_journals",
      [("data", "bytea"), ("active_x509_authority_id", "text"), ("active_jwt_authority_id", "text")]
    ),
    ("dns_names", [("registered_entry_id", "integer"), ("value", "text")]),
    ("federated_registration_entries", [("bundle_id", "integer!"), ("registered_entry_id", "integer!")]),
    (
      "federated_trust_domains",
      [
        ("trust_domain", "text!"), ("bundle_endpoint_url", "text"), ("bundle_endpoint_profile", "text"),
        ("endpoint_spiffe_id", "text"), ("implicit", "boolean"),
      ]
    ),
    ("join_tokens", [("token", "text"), ("expiry", "bigint")]),
    ("migrations", [("version", "integer"), ("code_version", "text")]),
    ("node_resolver_map_entries", [("spiffe_id", "text"), ("type", "text"), ("value", "text")]),
    (
      "registered_entries",
      [
        ("entry_id", "text"), ("spiffe_id", "text"), ("parent_id", "text"), ("ttl", "integer"), ("admin", "boolean"),
        ("downstream", "boolean"), ("expiry", "bigint"), ("revision_number", "bigint"), ("store_svid", "boolean"),
        ("hint", "text"), ("jwt_svid_ttl", "integer"), ("additional_attributes", "bytea"),
      ]
    ),
    ("registered_entries_events", [("entry_id", "text")]),
    ("selectors", [("registered_entry_id", "integer"), ("type", "text"), ("value", "text")]),
  ]

  private static let plainIndexes = [
    "attested_node_entries_expires_at(attested_node_entries: expires_at)",
    "ca_journals_active_jwt_authority_id(ca_journals: active_jwt_authority_id)",
    "ca_journals_active_x509_authority_id(ca_journals: active_x509_authority_id)",
    "federated_registration_entries_registered_entry_id(federated_registration_entries: registered_entry_id)",
    "registered_entries_expiry(registered_entries: expiry)", "registered_entries_hint(registered_entries: hint)",
    "registered_entries_parent_id(registered_entries: parent_id)",
    "registered_entries_spiffe_id(registered_entries: spiffe_id)", "selectors_type_value(selectors: type, value)",
  ].map { "idx_" + $0 }

  private static let uniqueIndexes = [
    "idx_dns_entry(dns_names: registered_entry_id, value)",
    "idx_node_resolver_map(node_resolver_map_entries: spiffe_id, type, value)",
    "idx_selector_entry(selectors: registered_entry_id, type, value)",
    "uix_attested_node_entries_spiffe_id(attested_node_entries: spiffe_id)",
    "uix_bundles_trust_domain(bundles: trust_domain)",
    "uix_federated_trust_domains_trust_domain(federated_trust_domains: trust_domain)",
    "uix_join_tokens_token(join_tokens: token)", "uix_registered_entries_entry_id(registered_entries: entry_id)",
  ]

  private func expectedColumns() -> [[String]] {
    Self.tables.flatMap { table in
      let own = table.columns.map { name, type in
        let isRequired = type.hasSuffix("!")
        let plain = isRequired ? String(type.dropLast()) : type
        let full = ["text": "character varying(255)", "time": "timestamp with time zone"][plain] ?? plain
        return [table.name, name, full, isRequired ? "t" : "f", ""]
      }
      if table.name == "federated_registration_entries" { return own }
      return [
        [table.name, "id", "integer", "t", "nextval('\(table.name)_id_seq'::regclass)"],
        [table.name, "created_at", "timestamp with time zone", "f", ""],
        [table.name, "updated_at", "timestamp with time zone", "f", ""],
      ] + own
    }
  }

  private func expectedIndexes() -> Set<String> {
    func definition(_ text: String, _ kind: String) -> String {
      let parts = text.split { "(:)".contains($0) }.map { $0.trimmingCharacters(in: .whitespaces) }
      return "CREATE \(kind) \(parts[0]) ON public.\(parts[1]) USING btree (\(parts[2]))"
    }
    let keys = Self.tables.map { table in
      let key = table.name == "federated_registration_entries" ? "bundle_id, registered_entry_id" : "id"
      return definition("\(table.name)_pkey(\(table.name): \(key))", "UNIQUE INDEX")
    }
    return Set(
      keys + Self.plainIndexes.map { definition($0, "INDEX") }
        + Self.uniqueIndexes.map { definition($0, "UNIQUE INDEX") })
  }

  @Test func aNewDatabaseHasTheSchemaOfTheReference() async throws {
    try await TestEngine.postgres.withDatabase { text in
      let log = RecordingLog()
      await (try openPostgres(text, logger: log.logger)).close()
      let raw = try PostgresSession(text)
      let columns = try raw.rows(Self.columns)
      #expect(columns == expectedColumns())
      let indexes = Set(try raw.rows(Self.indexes).map { $0[0] })
      #expect(indexes == expectedIndexes())
      #expect(try raw.rows("SELECT id, version, code_version FROM migrations") == [["1", "25", "1.15.3"]])
      let info = log.lines.filter { $0.level >= .info }
      #expect(
        info.map(\.message) == ["Opening SQL database", "Initializing new database", "Connected to SQL database"])
      #expect(info[0].metadata["db_type"] == "postgres" && info[2].metadata["type"] == "postgres")
      #expect(info[2].metadata["version"]?.isEmpty == false)
    }
  }

  @Test func rowsAreWrittenAsTheReferenceSays() async throws {
    try await TestEngine.postgres.withDatabase { text in
      let time = TestTime(Date(timeIntervalSince1970: 1_795_291_845.123456))
      let datastore = try await openPostgres(text, time: time)
      var new = try entry("/web", "unix:uid:1")
      new.additionalAttributes = AdditionalAttributes(disableX509SVIDPrefetch: true)
      let stored = try await datastore.createEntry(new).entry
      _ = try await datastore.createEntry(entry("/plain", "unix:uid:2"))
      _ = try await datastore.createAgent(agent("/agent", expiresAt: 1_900_000_000))
      await datastore.close()
      let raw = try PostgresSession(text)
      try raw.rows("SET timezone = 'UTC'")
      let times = try raw.rows("SELECT DISTINCT created_at, updated_at FROM registered_entries")
      #expect(times == [["2026-11-21 20:10:45.123456+00", "2026-11-21 20:10:45.123456+00"]])
      #expect(stored.createdAt == 1_795_291_845)
      let entries = try raw.rows(
        "SELECT hint, admin, revision_number, encode(additional_attributes, 'hex') FROM registered_entries ORDER BY id")
      #expect(entries == [["", "f", "0", "0801"], ["", "f", "0", "NULL"]])
      let agents = try raw.rows(
        "SELECT expires_at, new_serial_number, new_expires_at, can_reattest, agent_version FROM attested_node_entries")
      #expect(agents == [["2030-03-17 17:46:40+00", "", "NULL", "f", ""]])
    }
  }

  @Test(arguments: [23, 24]) func migrates(_ version: Int) async throws {
    try await TestEngine.postgres.withDatabase { text in
      await (try openPostgres(text)).close()
      let raw = try PostgresSession(text)
      if version < 25 { try raw.rows("ALTER TABLE registered_entries DROP COLUMN additional_attributes") }
      if version < 24 { try raw.rows("ALTER TABLE attested_node_entries DROP COLUMN agent_version") }
      try raw.rows("UPDATE migrations SET version = \(version), code_version = '1.14.0'")

      let disabled = try await openPostgres(text, disableMigration: true)
      let plain = try await disabled.createEntry(entry("/plain", "unix:uid:1")).entry
      _ = try await disabled.createAgent(agent("/agent"))
      await disabled.close()
      #expect(try raw.rows("SELECT version, code_version FROM migrations") == [["\(version)", "1.14.0"]])

      // Two servers of the new version at once.
      async let first = openPostgres(text)
      async let second = openPostgres(text)
      let (one, two) = (try await first, try await second)
      #expect(try await one.fetchEntry(id: plain.id) == plain)
      #expect(try await two.listAgents().count == 1)
      await one.close()
      await two.close()
      #expect(try raw.rows("SELECT version, code_version FROM migrations") == [["25", "1.15.3"]])
      #expect(try raw.rows(Self.columns) == expectedColumns())
    }
  }

  @Test func versionsThatMayNotBeUsed() async throws {
    try await TestEngine.postgres.withDatabase { text in
      await (try openPostgres(text)).close()
      let raw = try PostgresSession(text)
      for (version, code, problem) in [
        (22, "1.10.0", "migrating from schema version 22 requires a previous SPIRE release"),
        (26, "1.17.0", "incompatible DB schema and code version"),
      ] {
        try raw.rows("UPDATE migrations SET version = \(version), code_version = '\(code)'")
        let error = await failure { _ = try await openPostgres(text) }
        #expect(error?.message.contains(problem) == true)
      }
    }
  }

  @Test func serversThatStartTogetherMakeOneSchema() async throws {
    try await TestEngine.postgres.withDatabase { text in
      try await withThrowingTaskGroup(of: SQLDatastore.self) { group in
        for _ in 0..<4 { group.addTask { try await openPostgres(text) } }
        for try await datastore in group { await datastore.close() }
      }
      let raw = try PostgresSession(text)
      #expect(try raw.rows("SELECT count(*) FROM migrations") == [["1"]])
      #expect(try raw.rows(Self.columns) == expectedColumns())
    }
  }
}
