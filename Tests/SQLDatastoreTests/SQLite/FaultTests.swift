import DatastoreAPI
import Foundation
import Logging
import SPIFFE
import Testing

@testable import SQLDatastore

@Suite struct FaultTests {
  private func mode(_ path: String) throws -> Int {
    try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  @Test func filesAreNotForOthers() async throws {
    let folder = try TemporaryFolder()
    let path = folder.file("d")
    let datastore = try await open(path)
    try await datastore.createJoinToken(JoinToken(value: "t", expiresAt: 1))
    for file in [path, path + "-wal", path + "-shm"] { #expect(try mode(file) & 0o027 == 0) }
    await datastore.close()
    try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: path)
    await (try open(path)).close()
    #expect(try mode(path) == 0o640)
  }

  @Test func lockedDatabase() async throws {
    let folder = try TemporaryFolder()
    let path = folder.file("d")
    let datastore = try await open(path + "?_busy_timeout=1")
    try await datastore.createJoinToken(JoinToken(value: "t", expiresAt: 1))
    let other = try RawDatabase(path)
    try other.rows("BEGIN IMMEDIATE")
    let error = await failure { try await datastore.deleteJoinToken("t") }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("\"\(path)\" is locked by another process") == true)
    let read = try await datastore.fetchJoinToken("t")
    #expect(read != nil)
    try other.rows("ROLLBACK")
    try await datastore.deleteJoinToken("t")
    await datastore.close()
  }

  @Test func fullDatabaseLosesNothing() async throws {
    let folder = try TemporaryFolder()
    let path = folder.file("d")
    let datastore = try await open(path)
    _ = try await datastore.createEntry(entry("/kept", "unix:uid:1"))
    // A limit on the number of pages of the writing connection is to SQLite what a full disk is.
    try await datastore.limitPages()
    let subscription = datastore.changes.subscribe()
    let error = await failure {
      _ = try await datastore.createEntries((0..<500).map { try entry("/e\($0)", "unix:uid:\($0)") })
    }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("the disk is full") == true)
    #expect(subscription.pending() == nil)
    let paths = try await datastore.listEntries().map(\.spiffeID.path)
    #expect(paths == ["/kept"])
    await datastore.close()
  }

  @Test func damagedFile() async throws {
    let folder = try TemporaryFolder()
    let path = folder.file("d")
    try Data(repeating: 0x41, count: 8192).write(to: URL(fileURLWithPath: path))
    let error = await failure { _ = try await open(path) }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("\"\(path)\" is not a SQLite database or is damaged") == true)

    let recorded = try folder.recordedDatabase()
    var bytes = try Data(contentsOf: URL(fileURLWithPath: recorded))
    bytes.replaceSubrange(100..<4096, with: Data(repeating: 0x5A, count: 3996))
    try bytes.write(to: URL(fileURLWithPath: recorded))
    let damaged = await failure { _ = try await open(recorded) }
    #expect(damaged?.code == .unavailable)
    #expect(damaged?.message.contains("is damaged") == true)
  }

  @Test func missingFolderAndFolderInPlaceOfAFile() async throws {
    let folder = try TemporaryFolder()
    let missing = await failure { _ = try await open(folder.file("none/d")) }
    #expect(missing?.code == .unavailable)
    #expect(missing?.message.contains("its folder does not exist") == true)
    let isFolder = await failure { _ = try await open(folder.path) }
    #expect(isFolder?.message.contains("it is a folder") == true)
  }

  @Test func databaseThatMayNotBeWritten() async throws {
    let folder = try TemporaryFolder()
    let path = folder.file("d")
    let datastore = try await open(path)
    try await datastore.createJoinToken(JoinToken(value: "t", expiresAt: 1))
    await datastore.close()
    let reader = try await open("file:\(path)?mode=ro")
    let read = try await reader.fetchJoinToken("t")
    #expect(read != nil)
    let error = await failure { try await reader.deleteJoinToken("t") }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("cannot be written") == true)
    await reader.close()
  }

  @Test(.enabled(if: geteuid() != 0, "root may read everything")) func unreadableFile() async throws {
    let folder = try TemporaryFolder()
    let path = folder.file("d")
    await (try open(path)).close()
    try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: path)
    let error = await failure { _ = try await open(path) }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("permission denied") == true)
  }

  @Test func closedDatastore() async throws {
    let datastore = try await open(":memory:")
    await datastore.close()
    let error = await failure { _ = try await datastore.countEntries() }
    #expect(error?.code == .unavailable)
  }

  @Test func damagedRowsDoNotHideTheOthers() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.recordedDatabase()
    let raw = try RawDatabase(path)
    try raw.rows("UPDATE registered_entries SET spiffe_id = 'nonsense' WHERE id = 3")
    try raw.rows("UPDATE registered_entries SET additional_attributes = x'FF' WHERE id = 4")
    try raw.rows("UPDATE bundles SET data = x'FF' WHERE id = 2")
    let log = RecordingLog()
    let datastore = try await open(path, logger: log.logger)
    let page = try await datastore.listEntries(.all, page: Page(size: 4))
    #expect(page.items.map(\.spiffeID.path) == ["/host", "/web"])
    #expect(page.nextToken == "4")
    #expect(log.lines.filter { $0.level == .error }.count == 2)
    let deleted = await failure { try await datastore.deleteEntry(id: "386e9aa9-5ffe-4ab5-bd77-7d0c67dc2e84") }
    #expect(deleted?.code == .internal)
    let bundles = try await datastore.listBundles()
    #expect(bundles.count == 1)
    let error = await failure { _ = try await datastore.fetchBundle(of: TrustDomain("partner.test")) }
    #expect(error?.code == .internal)
    #expect(error?.message.contains("spiffe://partner.test") == true)
    await datastore.close()
  }

  @Test func configurationErrors() async {
    func message(_ type: String, _ text: String) async -> String? {
      await failure {
        try SQLDatastoreConfiguration(databaseType: type, connectionString: text).validate()
      }?.message
    }
    #expect(await message("", "x") == "datastore-sql: database_type must be set")
    #expect(await message("sqlite3", "") == "datastore-sql: connection_string must be set")
    #expect(await message("oracle", "x") == "datastore-sql: unsupported database_type: oracle")
    #expect(await message("sqlite3", "http://x/y") == "datastore-sql: unsupported scheme \"http\"")
    #expect(await message("sqlite3", "./x") == nil)
  }
}

extension SQLDatastore {
  fileprivate func limitPages() async throws {
    try await writeUncounted { (transaction) throws(DatastoreError) in
      var pages: Int64 = 0
      try transaction.connection.query("PRAGMA page_count", []) { (row: any SQLRow) throws(DatastoreError) in
        pages = row.integer(0)
      }
      try transaction.connection.query("PRAGMA max_page_count = \(pages)", []) {
        (_: any SQLRow) throws(DatastoreError) in
      }
    }
  }
}
