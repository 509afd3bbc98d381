import DatastoreAPI
import Foundation
import Logging
import SPIFFE
import Testing

@testable import SQLDatastore

@Suite struct MigrationTests {
  /// The recorded database, taken back to an older schema.
  private func database(_ folder: TemporaryFolder, version: Int, code: String) throws -> String {
    let path = try folder.recordedDatabase()
    let raw = try RawDatabase(path)
    if version < 25 { try raw.rows("ALTER TABLE registered_entries DROP COLUMN additional_attributes") }
    if version < 24 { try raw.rows("ALTER TABLE attested_node_entries DROP COLUMN agent_version") }
    try raw.rows("UPDATE migrations SET version = \(version), code_version = '\(code)'")
    return path
  }

  private func state(_ path: String) throws -> [[String]] {
    try RawDatabase(path).rows("SELECT version, code_version FROM migrations")
  }

  @Test(arguments: [23, 24]) func migrates(_ version: Int) async throws {
    let folder = try TemporaryFolder()
    let path = try database(folder, version: version, code: "1.13.0")
    let log = RecordingLog()
    let datastore = try await open(path, logger: log.logger)
    let entries = try await datastore.listEntries()
    #expect(entries.count == 9)
    var new = try entry("/attributes", "unix:uid:1")
    new.additionalAttributes = AdditionalAttributes(disableX509SVIDPrefetch: true)
    let created = try await datastore.createEntry(new).entry
    let fetched = try await datastore.fetchEntry(id: created.id)
    #expect(fetched?.additionalAttributes == new.additionalAttributes)
    var agent = try #require(try await datastore.listAgents().first)
    agent.agentVersion = "9"
    let updated = try await datastore.updateAgent(agent, mask: [.agentVersion])
    #expect(updated == agent)
    await datastore.close()
    #expect(try state(path) == [["25", "1.15.3"]])
    let steps = log.lines.filter { $0.message == "Migrating version" }.compactMap { $0.metadata["schema"] }
    #expect(steps == (version + 1...25).map(String.init))
    let columns =
      "SELECT name, type FROM pragma_table_info('attested_node_entries') UNION ALL "
      + "SELECT name, type FROM pragma_table_info('registered_entries')"
    let other = try TemporaryFolder()
    let recorded = try RawDatabase(other.recordedDatabase()).rows(columns)
    #expect(try RawDatabase(path).rows(columns) == recorded)
  }

  @Test func refusesWhatIsTooOld() async throws {
    let folder = try TemporaryFolder()
    let path = try database(folder, version: 22, code: "1.10.0")
    let error = await failure { _ = try await open(path) }
    #expect(error?.code == .failedPrecondition)
    #expect(
      error?.message == "datastore-sql: migrating from schema version 22 requires a previous SPIRE release; "
        + "please follow the upgrade strategy at doc/upgrading.md")
    #expect(try state(path) == [["22", "1.10.0"]])
  }

  @Test(arguments: [("1.16.0", true), ("1.14.9", true), ("1.17.0", false), ("2.15.3", false), ("0.15.3", false)])
  func schemaAheadOfTheCode(_ code: String, _ isAccepted: Bool) async throws {
    let folder = try TemporaryFolder()
    let path = try database(folder, version: 26, code: code)
    let log = RecordingLog()
    let error = await failure { await (try open(path, logger: log.logger)).close() }
    #expect(error?.message == (isAccepted ? nil : "datastore-sql: incompatible DB schema and code version"))
    #expect(log.lines.contains { $0.level == .warning } == isAccepted)
    #expect(try state(path) == [["26", code]])
  }

  @Test(arguments: [("1.15.2", "1.15.3"), ("1.15.3", "1.15.3"), ("1.16.0", "1.16.0"), ("", "1.15.3")])
  func codeVersionOnlyRises(_ stored: String, _ expected: String) async throws {
    let folder = try TemporaryFolder()
    let path = try database(folder, version: 25, code: stored)
    await (try open(path)).close()
    #expect(try state(path) == [["25", expected]])
  }

  @Test func unreadableCodeVersion() async throws {
    let folder = try TemporaryFolder()
    let path = try database(folder, version: 25, code: "one")
    let error = await failure { _ = try await open(path) }
    #expect(error?.message.contains("\"one\"") == true)
  }

  @Test func disabledMigrationWorksOnACompatibleSchema() async throws {
    let folder = try TemporaryFolder()
    let path = try database(folder, version: 23, code: "1.14.0")
    let datastore = try await open(path, disableMigration: true)
    var new = try entry("/plain", "unix:uid:1")
    let created = try await datastore.createEntry(new).entry
    let updated = try await datastore.updateEntry(created)
    #expect(updated.revisionNumber == 1)
    new = try entry("/attributes", "unix:uid:1")
    new.additionalAttributes = AdditionalAttributes(disableX509SVIDPrefetch: true)
    let refused = await failure { _ = try await datastore.createEntry(new) }
    #expect(refused?.code == .failedPrecondition)
    let agents = try await datastore.listAgents()
    #expect(agents.map(\.agentVersion) == [""])
    _ = try await datastore.createAgent(agent("/new"))
    _ = try await datastore.updateAgent(agents[0], mask: .all)
    await datastore.close()
    #expect(try state(path) == [["23", "1.14.0"]])
  }

  @Test func disabledMigrationRefusesAnIncompatibleSchema() async throws {
    let folder = try TemporaryFolder()
    let path = try database(folder, version: 23, code: "1.13.0")
    let error = await failure { _ = try await open(path, disableMigration: true) }
    #expect(error?.message == "datastore-sql: auto-migration must be enabled for current DB")
  }
}
