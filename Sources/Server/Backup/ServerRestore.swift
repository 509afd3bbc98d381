package import Daemon
import FoundationEssentials
import Glibc
import SQLDatastore

/// Puts a backup in the place of a stopped server's state, after everything about it was checked. What was there is
/// kept beside it. The command `restore` makes one and runs it once. Blocks its thread while it copies.
package struct ServerRestore: Sendable {
  /// What was done, or would be.
  package struct Report: Sendable {
    package var manifest: BackupManifest
    package var databasePath: String
    /// Where the restored keys are; nil when the keys were left as they are.
    package var keysPath: String?
    /// The authority with which the server goes on; nil when none of its keys belongs to the restored journals.
    package var authority: String?
    /// What was replaced, under its new names.
    package var kept: [String] = []
    package var removedJoinTokens = 0
    /// How many agents of the replaced database were kept; nil when the backup's took their place.
    package var keptAgents: Int?
    /// Agents that are banned in what was replaced and not in the backup.
    package var forgottenBans: [String] = []
    /// Why the replaced database could not be read; nil when it could, or there was none.
    package var damage: String?
  }

  let state: ServerState
  let file: String
  let leavesKeys: Bool
  let keepsAgents: Bool
  let isDryRun: Bool
  let time: any TimeSource

  /// - Parameters:
  ///   - leavesKeys: whether keys in the backup are left out.
  ///   - keepsAgents: whether the agents of the replaced database take the place of the backup's.
  ///   - isDryRun: whether everything is checked and nothing replaced; a server may run meanwhile.
  package init(
    _ state: ServerState, from file: String, leavesKeys: Bool = false, keepsAgents: Bool = false,
    isDryRun: Bool = false, time: any TimeSource = SystemTime()
  ) {
    self.state = state
    self.file = file
    self.leavesKeys = leavesKeys
    self.keepsAgents = keepsAgents
    self.isDryRun = isDryRun
    self.time = time
  }

  package func run() async throws -> Report {
    if !isDryRun { try RunningServer.refuseAnswering(state.socketPath) }
    let (archive, manifest) = try open()
    let database = StagedFile(target: state.databasePath)
    let keys = try keysFile(manifest)
    defer {
      database.discard()
      keys?.discard()
    }
    do {
      try archive.extract(BackupArchive.databaseName, manifest.database, to: database.path)
      if let keys, let content = manifest.keys {
        try archive.extract(BackupArchive.keysName, content, to: keys.path)
      }
    } catch let error as ServerError {
      throw bad(error)
    }
    let inspection: SQLiteInspection
    do { inspection = try SQLiteInspection(file: database.path) } catch {
      throw bad(ServerError(.badBackup, "\(error)".replacing(database.path, with: BackupArchive.databaseName)))
    }
    if let problem = inspection.schemaProblem { throw bad(ServerError(.badBackup, problem)) }
    try state.check(inspection, file)
    var report = Report(manifest: manifest, databasePath: state.databasePath, keysPath: keys?.target)
    report.authority = try await authority(inspection, keys)
    report.removedJoinTokens = try SQLiteCopy.removeJoinTokens(database.path)
    try compare(inspection, database, &report)
    if !isDryRun { report.kept = try replace(database, keys) }
    return report
  }

  private func open() throws -> (BackupArchive, BackupManifest) {
    let archive: BackupArchive
    let manifest: BackupManifest
    do {
      archive = try BackupArchive(reading: file)
      guard archive.contains(BackupArchive.manifestName) else {
        throw ServerError(.badBackup, "it has no \(BackupArchive.manifestName)")
      }
      manifest = try BackupManifest(
        parsing: try archive.bytes(BackupArchive.manifestName, limit: BackupManifest.limit))
    } catch let error as TarError {
      throw bad(ServerError(.badBackup, "\(error)"))
    } catch let error as ServerError {
      throw bad(error)
    }
    guard manifest.trustDomain == state.trustDomain else {
      throw bad(
        ServerError(
          .badBackup,
          "it is of trust domain \(manifest.trustDomain), and -config is of \(state.trustDomain)"))
    }
    return (archive, manifest)
  }

  private func bad(_ error: ServerError) -> ServerError {
    ServerError(error.code, "\(file) cannot be restored: \(error.message); nothing was changed")
  }

  private func keysFile(_ manifest: BackupManifest) throws -> StagedFile? {
    guard manifest.keys != nil, !leavesKeys else { return nil }
    switch state.keys {
    case .file(let path): return StagedFile(target: path)
    case .elsewhere(let name):
      throw bad(
        ServerError(
          .badBackup,
          "it has keys of KeyManager \"disk\", and \"\(name)\" is configured; use -databaseOnly to leave them out"))
    }
  }

  private func authority(_ inspection: SQLiteInspection, _ keys: StagedFile?) async throws -> String? {
    if let keys { return try await StoredKeys(file: keys.path).authority(of: inspection.activeAuthorities) }
    guard case .file(let path) = state.keys else { return inspection.activeAuthorities.first }
    return try await StoredKeys(file: path).authority(of: inspection.activeAuthorities)
  }

  /// What the state that is replaced knows and the backup does not: it is named, or taken over.
  private func compare(_ restored: SQLiteInspection, _ database: StagedFile, _ report: inout Report) throws {
    func agentsAreLost(_ why: String) -> ServerError {
      bad(ServerError(.badBackup, "-keepAgents is not possible: \(why)"))
    }
    guard DiskFile.exists(state.databasePath) else {
      if keepsAgents { throw agentsAreLost("there is no database at \(state.databasePath)") }
      return
    }
    let present: SQLiteInspection
    do { present = try SQLiteInspection(inUse: state.connectionString) } catch {
      if keepsAgents { throw agentsAreLost("\(error)") }
      report.damage = "\(error)"
      return
    }
    guard keepsAgents else {
      report.forgottenBans = present.bannedAgents.filter { !restored.bannedAgents.contains($0) }
      return
    }
    guard present.schemaVersion == restored.schemaVersion else {
      throw agentsAreLost(
        "the backup has schema version \(restored.schemaVersion) and the database \(present.schemaVersion)")
    }
    report.keptAgents = try SQLiteCopy.replaceAgents(in: database.path, by: state.connectionString)
  }

  /// From the lock on, nothing but renames: the keys, then the database. Returns what was put aside.
  private func replace(_ database: StagedFile, _ keys: StagedFile?) throws -> [String] {
    try database.prepare(mode: 0o640)
    try keys?.prepare(mode: 0o600)
    let lock = try RunningServer.lock(state.databasePath)
    defer { withExtendedLifetime(lock) {} }
    let stamp = GoTime.rfc3339(time.now).filter { $0 != "-" && $0 != ":" }
    var kept: [String] = []
    if let keys { kept += try keys.install(stamp: stamp) }
    // A log of the old database must not be taken for one of the new one.
    kept += try database.install(stamp: stamp, companions: ["-wal", "-shm"])
    return kept
  }
}
