import Daemon
import DatastoreAPI
import Foundation
import Logging
import SPIFFE
import TestDatabases
import Testing

@testable import SQLDatastore

@Suite struct MySQLSchemaTests {
  /// Opens a database of the shared server twice over: as text and with a session past the code under test.
  private func withDatabase(
    _ body: (_ connectionString: String, _ raw: MariaDBSession) async throws -> Void
  ) async throws {
    let server = try MariaDBServer.shared()
    let name = try server.makeDatabase()
    defer { server.dropDatabase(name) }
    try await body(server.connectionString(name), server.rootSession(name))
  }

  /// Column, type, NULL or not, extra; as the reference gives them.
  private static let tables: [String: [String]] = {
    let common = ["id int unsigned NO auto_increment", "created_at datetime YES", "updated_at datetime YES"]
    func texts(_ names: String...) -> [String] { names.map { "\($0) varchar(255) YES" } }
    return [
      "federated_registration_entries": ["bundle_id int unsigned NO", "registered_entry_id int unsigned NO"],
      "bundles": common + ["trust_domain varchar(255) NO", "data longblob YES"],
      "attested_node_entries": common + texts("spiffe_id", "data_type", "serial_number") + ["expires_at datetime YES"]
        + texts("new_serial_number") + ["new_expires_at datetime YES", "can_reattest tinyint(1) YES"]
        + texts("agent_version"),
      "attested_node_entries_events": common + texts("spiffe_id"),
      "node_resolver_map_entries": common + texts("spiffe_id", "type", "value"),
      "registered_entries": common + texts("entry_id", "spiffe_id", "parent_id")
        + [
          "ttl int YES", "admin tinyint(1) YES", "downstream tinyint(1) YES", "expiry bigint YES",
          "revision_number bigint YES", "store_svid tinyint(1) YES",
        ] + texts("hint") + ["jwt_svid_ttl int YES", "additional_attributes longblob YES"],
      "registered_entries_events": common + texts("entry_id"),
      "join_tokens": common + texts("token") + ["expiry bigint YES"],
      "selectors": common + ["registered_entry_id int unsigned YES"] + texts("type", "value"),
      "migrations": common + ["version int YES"] + texts("code_version"),
      "dns_names": common + ["registered_entry_id int unsigned YES"] + texts("value"),
      "federated_trust_domains": common + ["trust_domain varchar(255) NO"]
        + texts("bundle_endpoint_url", "bundle_endpoint_profile", "endpoint_spiffe_id") + ["implicit tinyint(1) YES"],
      "ca_journals": common + ["data longblob YES"] + texts("active_x509_authority_id", "active_jwt_authority_id"),
    ]
  }()

  private static let indexes: Set<String> = [
    "U uix_bundles_trust_domain bundles(trust_domain)",
    "U uix_attested_node_entries_spiffe_id attested_node_entries(spiffe_id)",
    "U uix_registered_entries_entry_id registered_entries(entry_id)", "U uix_join_tokens_token join_tokens(token)",
    "U uix_federated_trust_domains_trust_domain federated_trust_domains(trust_domain)",
    "U idx_node_resolver_map node_resolver_map_entries(spiffe_id,type,value)",
    "U idx_selector_entry selectors(registered_entry_id,type,value)",
    "U idx_dns_entry dns_names(registered_entry_id,value)",
    "- idx_attested_node_entries_expires_at attested_node_entries(expires_at)",
    "- idx_registered_entries_spiffe_id registered_entries(spiffe_id)",
    "- idx_registered_entries_parent_id registered_entries(parent_id)",
    "- idx_registered_entries_expiry registered_entries(expiry)",
    "- idx_registered_entries_hint registered_entries(hint)",
    "- idx_selectors_type_value selectors(type,value)",
    "- idx_ca_journals_active_x509_authority_id ca_journals(active_x509_authority_id)",
    "- idx_ca_journals_active_jwt_authority_id ca_journals(active_jwt_authority_id)",
    "- idx_federated_registration_entries_registered_entry_id federated_registration_entries(registered_entry_id)",
  ]

  private func columns(_ raw: MariaDBSession) throws -> [String: [String]] {
    let rows = try raw.rows(
      """
      SELECT table_name, column_name, column_type, is_nullable, extra FROM information_schema.columns
      WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position
      """)
    var tables: [String: [String]] = [:]
    for row in rows {
      // MariaDB shows the width of integers, which means nothing; MySQL 8 does not.
      let type = row[2].replacingOccurrences(of: "^(int|bigint)\\(\\d+\\)", with: "$1", options: .regularExpression)
      tables[row[0], default: []].append(
        [row[1], type, row[3], row[4]].joined(separator: " ").trimmingCharacters(in: .whitespaces))
    }
    return tables
  }

  @Test func aNewDatabaseHasTheSchemaOfTheReference() async throws {
    try await withDatabase { text, raw in
      await (try open(text, "mysql")).close()
      #expect(try columns(raw) == Self.tables)
      let indexes = try raw.rows(
        """
        SELECT IF(non_unique, '-', 'U'), index_name, table_name, GROUP_CONCAT(column_name ORDER BY seq_in_index)
        FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name <> 'PRIMARY'
        GROUP BY non_unique, index_name, table_name
        """)
      #expect(Set(indexes.map { "\($0[0]) \($0[1]) \($0[2])(\($0[3]))" }) == Self.indexes)
      let kinds = try raw.rows(
        """
        SELECT DISTINCT engine, row_format, REPLACE(table_collation, 'utf8mb3', 'utf8') FROM information_schema.tables
        WHERE table_schema = DATABASE()
        """)
      #expect(kinds == [["InnoDB", "Dynamic", "utf8_general_ci"]])
      #expect(try raw.rows("SELECT id, version, code_version FROM migrations") == [["1", "25", "1.15.3"]])
      let join = try raw.rows("SHOW CREATE TABLE federated_registration_entries")[0][1]
      #expect(join.contains("PRIMARY KEY (`bundle_id`,`registered_entry_id`)"))
    }
  }

  @Test func rowsAreAsTheEstablishedServerWritesThem() async throws {
    try await withDatabase { text, raw in
      let datastore = try await open(
        text, "mysql", time: TestTime(Date(timeIntervalSince1970: 1_795_291_845.75)))
      var web = try entry("/web", "unix:uid:1", id: "web")
      web.dnsNames = ["a.test"]
      web.additionalAttributes = AdditionalAttributes(disableX509SVIDPrefetch: true)
      _ = try await datastore.createEntries([web, entry("/plain", "unix:uid:2", id: "plain")])
      _ = try await datastore.createAgent(agent("/agent"))
      await datastore.close()
      let entries = try raw.rows(
        """
        SELECT created_at, entry_id, spiffe_id, parent_id, ttl, admin, expiry, revision_number, store_svid, hint,
        jwt_svid_ttl, HEX(additional_attributes) FROM registered_entries ORDER BY id
        """)
      let time = "2026-11-21 20:10:45"
      #expect(
        entries == [
          [
            time, "web", "spiffe://example.org/web", "spiffe://example.org/host", "0", "0", "0", "0", "0", "", "0",
            "0801",
          ],
          [
            time, "plain", "spiffe://example.org/plain", "spiffe://example.org/host", "0", "0", "0", "0", "0", "", "0",
            "NULL",
          ],
        ])
      let agents = try raw.rows(
        """
        SELECT spiffe_id, serial_number, expires_at, new_serial_number, new_expires_at, can_reattest, agent_version
        FROM attested_node_entries
        """)
      #expect(
        agents == [["spiffe://example.org/agent", "1", "2033-05-18 03:33:20", "", "NULL", "0", ""]])
    }
  }

  @Test(arguments: [23, 24]) func migrates(_ version: Int) async throws {
    try await withDatabase { text, raw in
      var datastore = try await open(text, "mysql")
      _ = try await datastore.createEntry(entry("/web", "unix:uid:1"))
      await datastore.close()
      try raw.rows("ALTER TABLE registered_entries DROP COLUMN additional_attributes")
      if version < 24 { try raw.rows("ALTER TABLE attested_node_entries DROP COLUMN agent_version") }
      try raw.rows("UPDATE migrations SET version = \(version), code_version = '1.13.0'")
      datastore = try await open(text, "mysql")
      let entries = try await datastore.listEntries()
      #expect(entries.map(\.spiffeID.path) == ["/web"])
      await datastore.close()
      #expect(try columns(raw) == Self.tables)
      #expect(try raw.rows("SELECT version, code_version FROM migrations") == [["25", "1.15.3"]])
    }
  }

  /// MySQL commits each statement that changes the schema: a server that ended in between left half of it.
  @Test func finishesWhatAnotherServerBegan() async throws {
    try await withDatabase { text, raw in
      for count in [5, MySQLSchema.statements.count] {
        for table in try raw.rows("SHOW TABLES") { try raw.rows("DROP TABLE \(table[0])") }
        for statement in MySQLSchema.statements.prefix(count) { try raw.rows(statement) }
        await (try open(text, "mysql")).close()
        #expect(try columns(raw) == Self.tables)
        #expect(try raw.rows("SELECT version FROM migrations") == [["25"]])
      }
      // The column was added, its version not noted.
      try raw.rows("UPDATE migrations SET version = 24")
      await (try open(text, "mysql")).close()
      #expect(try raw.rows("SELECT version FROM migrations") == [["25"]])
    }
  }

  @Test func serversThatStartTogetherMakeOneSchema() async throws {
    try await withDatabase { text, raw in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<6 { group.addTask { await (try open(text, "mysql")).close() } }
        try await group.waitForAll()
      }
      #expect(try raw.rows("SELECT version FROM migrations") == [["25"]])
      try raw.rows("ALTER TABLE registered_entries DROP COLUMN additional_attributes")
      try raw.rows("UPDATE migrations SET version = 24")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<6 { group.addTask { await (try open(text, "mysql")).close() } }
        try await group.waitForAll()
      }
      #expect(try raw.rows("SELECT version FROM migrations") == [["25"]])
      #expect(try columns(raw) == Self.tables)
    }
  }

  @Test func anotherProgramsDatabaseIsRefused() async throws {
    try await withDatabase { text, raw in
      try raw.rows("CREATE TABLE bundles (id int)")
      let error = await failure { _ = try await open(text, "mysql") }
      #expect(error?.code == .failedPrecondition)
      #expect(error?.message.contains("does not have the schema of SPIRE; correct connection_string") == true)
      #expect(try raw.rows("SHOW TABLES") == [["bundles"]])
    }
  }
}
