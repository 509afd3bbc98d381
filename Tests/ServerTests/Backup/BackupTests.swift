import Daemon
import DatastoreAPI
import Foundation
import Keys
import Logging
import Plugins
import SPIFFE
import SQLDatastore
import Testing

@testable import Server

/// A server's files in a temporary folder.
private final class Files: Sendable {
  let folder: String
  var database: String { folder + "/datastore.sqlite3" }
  var keys: String { folder + "/keys.json" }
  var archive: String { folder + "/backup.tar" }

  init() throws {
    folder = NSTemporaryDirectory() + "bak-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func state(_ domain: String = "example.org", keyManager: String = "disk") throws -> ServerState {
    let data = PluginConfiguration.Data.text(keyManager == "disk" ? "keys_path = \"\(keys)\"" : "")
    return try ServerState(
      trustDomain: try TrustDomain(domain), database: SQLDatastoreConfiguration(connectionString: database),
      plugins: [PluginConfiguration(type: "KeyManager", name: keyManager, data: data)],
      socketPath: folder + "/api.sock")
  }

  func open() async throws -> SQLDatastore {
    try await SQLDatastore.open(
      SQLDatastoreConfiguration(connectionString: database),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), metrics: .none, time: TestTime())
  }

  /// Runs `body` with the datastore open.
  func use<T>(_ body: (SQLDatastore) async throws -> T) async throws -> T {
    let datastore = try await open()
    let result = try await body(datastore)
    await datastore.close()
    return result
  }

  func backUp(keys: Bool = false, force: Bool = false) async throws -> ServerBackup.Report {
    try await ServerBackup(try state(), to: archive, includesKeys: keys, replaces: force, time: TestTime()).run()
  }

  func restore(_ domain: String = "example.org", leavesKeys: Bool = false, isDryRun: Bool = false) async throws
    -> ServerRestore.Report
  {
    try await ServerRestore(
      try state(domain), from: archive, leavesKeys: leavesKeys, isDryRun: isDryRun, time: TestTime()
    ).run()
  }

  func mode(_ path: String) throws -> Int {
    try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
  func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }
}

private func entry(_ path: String) throws -> RegistrationEntry {
  RegistrationEntry(
    spiffeID: try SPIFFEID("spiffe://example.org" + path), parentID: try SPIFFEID("spiffe://example.org/host"),
    selectors: [Selector(type: "unix", value: "uid:1")])
}

private func agent(_ path: String) throws -> AttestedNode {
  AttestedNode(
    id: try SPIFFEID("spiffe://example.org/spire/agent" + path), attestationType: "x509pop", serialNumber: "7",
    expiresAt: 2_000_000_000)
}

/// The message of the server's error that `body` throws.
private func refusal<T>(_ body: () async throws -> T) async -> String {
  do {
    _ = try await body()
    return ""
  } catch { return "\(error)" }
}

@Suite struct BackupTests {
  @Test func databaseAndKeysComeBack() async throws {
    let files = try Files()
    _ = try await DiskKeyManager.open(keysPath: files.keys).generateKey(id: "x509-CA-A", type: .ecP256)
    let key = try #require(try await DiskKeyManager.open(keysPath: files.keys).key(id: "x509-CA-A"))
    let authority = key.publicKey.subjectKeyIdentifier.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    let stored = try files.bytes(files.keys)
    try await files.use { datastore in
      _ = try await datastore.createEntry(entry("/kept"))
      _ = try await datastore.createAgent(agent("/a"))
      try await datastore.createJoinToken(JoinToken(value: "t", expiresAt: 2_000_000_000))
      _ = try await datastore.setCAJournal(CAJournal(data: [1], activeX509AuthorityID: authority))
      let report = try await files.backUp(keys: true)
      #expect(report.authority == authority && report.manifest.entries == 1 && report.manifest.agents == 1)
      // What comes later is not in it.
      _ = try await datastore.createEntry(entry("/later"))
      var banned = try #require(try await datastore.listAgents().first)
      banned.serialNumber = ""
      _ = try await datastore.updateAgent(banned, mask: [.serialNumber])
    }
    #expect(try files.mode(files.archive) == 0o600)
    _ = try await DiskKeyManager.open(keysPath: files.keys).generateKey(id: "x509-CA-A", type: .ecP256)
    let newer = try files.bytes(files.keys)

    // A look at it first changes nothing.
    let before = try files.names()
    let preview = try await files.restore(isDryRun: true)
    #expect(preview.kept.isEmpty && preview.authority == authority)
    #expect(try files.names() == before && files.bytes(files.keys) == newer)

    let report = try await files.restore()
    #expect(report.authority == authority && report.removedJoinTokens == 1 && report.damage == nil)
    #expect(report.forgottenBans == ["spiffe://example.org/spire/agent/a"])
    #expect(report.kept.contains { $0.hasPrefix(files.keys + ".replaced-20261121T201045Z") })
    #expect(report.kept.contains { $0.hasPrefix(files.database + ".replaced-20261121T201045Z") })
    #expect(try files.bytes(files.keys) == stored && files.mode(files.keys) == 0o600)
    #expect(try files.mode(files.database) & 0o137 == 0)
    try await files.use { datastore in
      let paths = try await datastore.listEntries().map(\.spiffeID.path)
      #expect(paths == ["/kept"])
      let token = try await datastore.fetchJoinToken("t")
      #expect(token == nil)
    }
    // The replaced state is whole, too, and so is what a second restore replaces.
    let kept = try #require(report.kept.first { $0.contains("datastore.sqlite3.replaced") && !$0.hasSuffix("-wal") })
    #expect(try SQLiteInspection(inUse: kept).entries == 2)
    let again = try await files.restore()
    #expect(Set(again.kept).isDisjoint(with: report.kept))
    #expect(try !files.names().contains { $0.hasSuffix(".tmp") })
  }

  /// Entries go back in time, agents do not: a renewed SVID still counts, and so does a ban.
  @Test func agentsCanBeKept() async throws {
    let files = try Files()
    try await files.use { datastore in
      _ = try await datastore.createEntry(entry("/kept"))
      _ = try await datastore.createAgent(agent("/renewed"))
      _ = try await datastore.createAgent(agent("/banned"))
      _ = try await files.backUp()
      _ = try await datastore.createEntry(entry("/later"))
      for (path, serial) in [("/renewed", "8"), ("/banned", "")] {
        var changed = try agent(path)
        changed.serialNumber = serial
        _ = try await datastore.updateAgent(changed, mask: [.serialNumber])
      }
      let new = try agent("/new")
      try await datastore.setNodeSelectors([Selector(type: "a", value: "b")], of: new.id)
      _ = try await datastore.createAgent(new)
    }
    let report = try await ServerRestore(try files.state(), from: files.archive, keepsAgents: true).run()
    #expect(report.keptAgents == 3 && report.forgottenBans.isEmpty)
    try await files.use { datastore in
      let paths = try await datastore.listEntries().map(\.spiffeID.path)
      #expect(paths == ["/kept"])
      let agents = try await datastore.listAgents()
      #expect(agents.map(\.id.path) == ["/renewed", "/banned", "/new"].map { "/spire/agent" + $0 })
      #expect(agents.map(\.serialNumber) == ["8", "", "7"])
      let selectors = try await datastore.nodeSelectors(of: try agent("/new").id)
      #expect(selectors.count == 1)
    }
    try FileManager.default.removeItem(atPath: files.database)
    let none = await refusal {
      try await ServerRestore(try files.state(), from: files.archive, keepsAgents: true).run()
    }
    #expect(none.contains("-keepAgents is not possible: there is no database at \(files.database)"), "\(none)")
  }

  @Test func keysAreIncludedOnlyWithTheFlag() async throws {
    let files = try Files()
    _ = try await DiskKeyManager.open(keysPath: files.keys).generateKey(id: "x509-CA-A", type: .ecP256)
    try await files.use { _ in _ = try await files.backUp() }
    #expect(try BackupArchive(reading: files.archive).contains("keys.json") == false)
    #expect(try files.bytes(files.archive).range(of: Data("x509-CA-A".utf8)) == nil)
    let present = try files.bytes(files.keys)
    let report = try await files.restore()
    #expect(report.keysPath == nil)
    #expect(try files.bytes(files.keys) == present)

    // With the flag, and left out again.
    _ = try await files.backUp(keys: true, force: true)
    #expect(try BackupArchive(reading: files.archive).contains("keys.json"))
    _ = try await DiskKeyManager.open(keysPath: files.keys).generateKey(id: "x509-CA-B", type: .ecP256)
    let changed = try files.bytes(files.keys)
    _ = try await files.restore(leavesKeys: true)
    #expect(try files.bytes(files.keys) == changed)
  }

  @Test func isOneStateWhileWritersWork() async throws {
    let files = try Files()
    try await files.use { datastore in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 0..<3 {
          group.addTask {
            for number in 0..<20 {
              // Two at a time, in one transaction.
              let batch = try (0..<2).map { try entry("/w\(writer)/\(number)/\($0)") }
              _ = try await datastore.createEntries(batch)
            }
          }
        }
        group.addTask {
          for _ in 0..<5 {
            let report = try await files.backUp(force: true)
            #expect(report.manifest.entries.isMultiple(of: 2))
          }
        }
        try await group.waitForAll()
      }
      let count = try await datastore.countEntries()
      #expect(count == 120)
    }
  }

  @Test func refusesToReplaceAFileUnlessTold() async throws {
    let files = try Files()
    try await files.use { _ in
      try Data("mine".utf8).write(to: URL(fileURLWithPath: files.archive))
      let text = await refusal { try await files.backUp() }
      #expect(text == "\(files.archive) exists; choose another file, or replace it with -force")
      #expect(try files.bytes(files.archive) == Data("mine".utf8))
      _ = try await files.backUp(force: true)
    }
    #expect(try !files.names().contains { $0.hasSuffix(".tmp") })
  }

  @Test func whatCannotBeBackedUpIsNamed() async throws {
    let files = try Files()
    #expect(await refusal { try await files.backUp() }.contains("there is no database at \(files.database)"))
    #expect(try files.names().isEmpty)
    try await files.use { _ in }
    let memory = await refusal {
      try await ServerBackup(
        try files.state(keyManager: "memory"), to: files.archive, includesKeys: true, replaces: false
      ).run()
    }
    #expect(memory.contains("KeyManager \"memory\" does not keep its keys in a file"))
    let none = await refusal { try await files.backUp(keys: true) }
    #expect(none.contains("there are no keys at \(files.keys)"))
    for (type, tool) in [
      ("postgres", "pg_dump"), ("aws_postgres", "pg_dump"), ("mysql", "mariadb-dump"), ("aws_mysql", "mysqldump"),
    ] {
      let text = await refusal {
        try ServerState(
          trustDomain: try TrustDomain("example.org"),
          database: SQLDatastoreConfiguration(databaseType: type, connectionString: "x"), plugins: [], socketPath: "")
      }
      #expect(text.contains(tool) && text.contains("\(type) database"), "\(text)")
    }
    let volatile = await refusal {
      try ServerState(
        trustDomain: try TrustDomain("example.org"), database: SQLDatastoreConfiguration(connectionString: ":memory:"),
        plugins: [], socketPath: "")
    }
    #expect(volatile.contains("in memory"))
  }

  /// Bad backups change nothing and leave nothing behind.
  @Test func badBackups() async throws {
    let files = try Files()
    try await files.use { datastore in
      _ = try await datastore.createEntry(entry("/kept"))
      _ = try await files.backUp()
    }
    let good = try files.bytes(files.archive)
    let database = try files.bytes(files.database)
    let names = try files.names()
    func expect(_ text: String, _ domain: String = "example.org", _ change: (inout Data) -> Void) async throws {
      var bytes = good
      change(&bytes)
      try bytes.write(to: URL(fileURLWithPath: files.archive))
      let message = await refusal { try await files.restore(domain) }
      #expect(message.contains(text) && message.contains("nothing was changed"), "\(message)")
      #expect(try files.bytes(files.database) == database)
      #expect(try files.names() == names)
    }
    try await expect("is not what the manifest says") { $0[$0.count - 3000] ^= 1 }
    try await expect("it ends too early") { $0 = $0.prefix($0.count / 2) }
    try await expect("it is not a tar archive") { $0 = Data(repeating: 65, count: 4096) }
    try await expect("it has no manifest.json") { $0 = Data() }
    try await expect("it is of trust domain example.org, and -config is of other.test", "other.test") { _ in }
    try await expect("its manifest.json cannot be used: only version 1") {
      let place = $0.range(of: Data("\"version\": 1".utf8))!
      $0.replaceSubrange(place, with: Data("\"version\": 2".utf8))
    }
    let missing = await refusal {
      try await ServerRestore(try files.state(), from: "/nowhere/b.tar").run()
    }
    #expect(missing == "open /nowhere/b.tar: no such file or directory")
  }

  /// A damaged database is named, and no backup is made of it.
  @Test func damagedDatabase() async throws {
    let files = try Files()
    try await files.use { _ in }
    var bytes = try files.bytes(files.database)
    bytes.replaceSubrange(8192..<40960, with: Data(repeating: 0xA5, count: 32768))
    try bytes.write(to: URL(fileURLWithPath: files.database))
    let text = await refusal { try await files.backUp() }
    #expect(text.contains("\"\(files.database)\" is damaged"), "\(text)")
    #expect(try !files.names().contains { $0.hasPrefix("backup") })
  }

  /// A file that is whole, of a database that this version cannot use.
  @Test func foreignDatabases() async throws {
    let files = try Files()
    try await files.use { datastore in
      _ = try await datastore.createEntry(entry("/kept"))
    }
    let other = await refusal {
      try await ServerBackup(
        try files.state("other.test"), to: files.archive, includesKeys: false, replaces: false
      ).run()
    }
    #expect(other.contains("is not of trust domain other.test: its first entry is spiffe://example.org/kept"))
    let inspection = try SQLiteInspection(file: files.database)
    #expect(inspection.schemaVersion == 25 && inspection.schemaProblem == nil)
    var changed = inspection
    changed.schemaVersion = 26
    #expect(changed.schemaProblem?.contains("newer than this version's 25") == true)
    changed.schemaVersion = 22
    #expect(changed.schemaProblem?.contains("too old") == true)
  }
}
