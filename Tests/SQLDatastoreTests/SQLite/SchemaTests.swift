import Daemon
import DatastoreAPI
import Foundation
import Logging
import SPIFFE
import Testing

@testable import SQLDatastore

@Suite struct SchemaTests {
  @Test func aNewDatabaseHasTheRecordedSchema() async throws {
    let folder = try TemporaryFolder()
    let path = folder.file("new.sqlite3")
    await (try open(path)).close()
    let sql = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid"
    let ours = try RawDatabase(path).rows(sql)
    let recorded = try RawDatabase(folder.recordedDatabase()).rows(sql)
    #expect(ours == recorded)
    #expect(try RawDatabase(path).rows("PRAGMA journal_mode") == [["wal"]])
    #expect(try RawDatabase(path).rows("SELECT id, version, code_version FROM migrations") == [["1", "25", "1.15.3"]])
  }

  /// Does again what was done when the database was recorded, and compares the rows, apart from IDs and times.
  @Test func rowsAreWrittenAsRecorded() async throws {
    let folder = try TemporaryFolder()
    let recorded = try folder.recordedDatabase()
    let path = folder.file("new.sqlite3")
    let source = try await open(recorded)
    let copy = try await open(path, time: TestTime(Date(timeIntervalSince1970: 1_795_291_845.25)))
    for bundle in try await source.listBundles() { _ = try await copy.setBundle(bundle) }
    for relationship in try await source.listFederationRelationships() {
      _ = try await copy.createFederationRelationship(relationship)
    }
    for entry in try await source.listEntries() { _ = try await copy.createEntry(entry) }
    for agent in try await source.listAgents() {
      try await copy.setNodeSelectors([], of: agent.id)
      _ = try await copy.createAgent(agent)
    }
    for journal in try await source.listCAJournals() {
      _ = try await copy.setCAJournal(
        CAJournal(data: journal.data, activeX509AuthorityID: journal.activeX509AuthorityID))
    }
    for token in ["d3c1446e-d30a-43cf-8b5b-454530c55ff6", "c5cf866e-1eb9-4f7d-8299-ac62d7ca9c34"] {
      try await copy.createJoinToken(try #require(try await source.fetchJoinToken(token)))
    }
    await source.close()
    await copy.close()
    func compare(_ columns: String, _ rest: String) throws {
      let (theirs, ours) = (try rows(recorded, columns, rest), try rows(path, columns, rest))
      #expect(theirs == ours)
      #expect(!ours.isEmpty)
    }
    try compare(
      """
      id, entry_id, spiffe_id, parent_id, ttl, admin, downstream, expiry, store_svid, hint, jwt_svid_ttl, \
      additional_attributes
      """, "FROM registered_entries")
    try compare("registered_entry_id, type, value", "FROM selectors ORDER BY registered_entry_id, type, value")
    try compare("registered_entry_id, value", "FROM dns_names ORDER BY id")
    try compare("bundle_id, registered_entry_id", "FROM federated_registration_entries")
    try compare("id, trust_domain, hex(data)", "FROM bundles")
    try compare(
      "id, trust_domain, bundle_endpoint_url, bundle_endpoint_profile, endpoint_spiffe_id, implicit",
      "FROM federated_trust_domains")
    try compare(
      """
      id, spiffe_id, data_type, serial_number, expires_at, new_serial_number, new_expires_at, can_reattest, agent_version
      """, "FROM attested_node_entries")
    try compare("id, spiffe_id", "FROM attested_node_entries_events WHERE id < 3")
    try compare("id, entry_id", "FROM registered_entries_events WHERE id < 8")
    try compare("hex(data), active_x509_authority_id, active_jwt_authority_id", "FROM ca_journals")
    try compare(
      "token, expiry",
      "FROM join_tokens WHERE token LIKE 'd3c1446e%' OR token LIKE 'c5cf866e%' ORDER BY token")
    for table in [
      "registered_entries", "selectors", "dns_names", "bundles", "ca_journals", "join_tokens", "migrations",
    ] {
      let times = try RawDatabase(path).rows("SELECT DISTINCT created_at, updated_at FROM \(table)")
      #expect(times == [Array(repeating: "2026-11-21 20:10:45.25+00:00", count: 2)])
    }
  }

  /// Each value with the type that SQLite keeps for it.
  private func rows(_ path: String, _ columns: String, _ rest: String) throws -> [[String]] {
    let names = columns.split(separator: ", ").map(String.init)
    let types = names.map { "typeof(\($0))" }
    return try RawDatabase(path).rows("SELECT \((names + types).joined(separator: ", ")) \(rest)")
  }

  @Test func logsAsRecorded() async throws {
    let folder = try TemporaryFolder()
    let log = RecordingLog()
    await (try open(folder.file("d"), logger: log.logger)).close()
    let info = log.lines.filter { $0.level >= .info }
    #expect(info.map(\.message) == ["Opening SQL database", "Initializing new database", "Connected to SQL database"])
    #expect(info[0].metadata == ["subsystem_name": "sql", "db_type": "sqlite3"])
    #expect(info[1].metadata == ["subsystem_name": "sql"])
    #expect(info[2].metadata["type"] == "sqlite3" && info[2].metadata["read_only"] == "false")
    #expect(info[2].metadata["version"]?.hasPrefix("3.") == true)
    await (try open(folder.file("d"), logger: log.logger)).close()
    #expect(!log.lines.dropFirst(3).contains { $0.message == "Initializing new database" })
  }

  @Test func logsStatementsWithoutTheirValues() async throws {
    let log = RecordingLog()
    let datastore = try await open(":memory:", logger: log.logger, logSQL: true)
    try await datastore.createJoinToken(JoinToken(value: "secret-token", expiresAt: 1))
    await datastore.close()
    #expect(log.lines.contains { $0.metadata["statement"]?.hasPrefix("INSERT INTO join_tokens") == true })
    #expect(!log.lines.contains { "\($0)".contains("secret-token") })
  }
}
