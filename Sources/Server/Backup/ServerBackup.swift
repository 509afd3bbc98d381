package import Daemon
import FoundationEssentials
import Glibc
import Keys
import SQLDatastore

/// Makes a backup of a server that runs or not: the database as it is at one moment and, if wanted, the keys.
/// The command `backup` makes one and runs it once. Blocks its thread while it copies.
package struct ServerBackup: Sendable {
  /// What was done.
  package struct Report: Sendable {
    package var file: String
    package var size: Int64
    package var manifest: BackupManifest
    /// Where the keys are, or the name of the key manager that keeps them elsewhere.
    package var keys: String
    /// The authority whose key is with this server; nil when none of its keys belongs to the database's journals.
    package var authority: String?
  }

  let state: ServerState
  let file: String
  let includesKeys: Bool
  let replaces: Bool
  let time: any TimeSource

  /// - Parameters:
  ///   - file: the archive to write.
  ///   - replaces: whether it may take the place of a file.
  package init(
    _ state: ServerState, to file: String, includesKeys: Bool, replaces: Bool, time: any TimeSource = SystemTime()
  ) {
    self.state = state
    self.file = file
    self.includesKeys = includesKeys
    self.replaces = replaces
    self.time = time
  }

  package func run() async throws -> Report {
    if !replaces, DiskFile.exists(file) {
      throw ServerError(.cannotBackUp, "\(file) exists; choose another file, or replace it with -force")
    }
    if includesKeys, case .elsewhere(let name) = state.keys {
      throw ServerError(
        .cannotBackUp,
        "KeyManager \"\(name)\" does not keep its keys in a file, so they cannot be included; leave -includeKeys out")
    }
    guard DiskFile.exists(state.databasePath) else {
      throw ServerError(
        .cannotBackUp, "there is no database at \(state.databasePath); did a server run with this configuration?")
    }
    let copy = file + ".database.tmp"
    let archive = file + ".tmp"
    defer { for path in [copy, archive] { unlink(path) } }
    let database = try DiskFile(creating: copy)
    try SQLiteCopy.make(of: state.connectionString, to: copy)
    let inspection = try inspect(copy)
    try state.check(inspection, state.databasePath)
    // After the database: a key is made before the journal names it, so these keys are at least as new as the journal.
    let (keys, authority) = try await readKeys(inspection)
    let size = try database.size()
    let digest = try database.forEachPiece(from: 0, size: size) { (_) throws(FileError) in }
    let now = time.now
    let manifest = BackupManifest(
      createdAt: now, trustDomain: state.trustDomain, database: .init(size: size, sha256: digest),
      schemaVersion: inspection.schemaVersion, codeVersion: inspection.codeVersion, entries: inspection.entries,
      agents: inspection.agents, bundles: inspection.bundles.count,
      keys: keys.map { .init(size: Int64($0.count), sha256: DiskFile.sha256($0)) },
      activeAuthorities: inspection.activeAuthorities)
    try BackupArchive.write(
      archive, manifest: manifest.encoded, database: database, keys: keys,
      modifiedAt: Int64(now.timeIntervalSince1970))
    try install(archive)
    return Report(
      file: file, size: try DiskFile(reading: file).size(), manifest: manifest, keys: keysName, authority: authority)
  }

  /// Checks the copy; what is wrong with it is wrong with the original.
  private func inspect(_ copy: String) throws -> SQLiteInspection {
    do {
      return try SQLiteInspection(file: copy)
    } catch {
      throw ServerError(.cannotBackUp, "\(error)".replacing(copy, with: state.databasePath))
    }
  }

  private var keysName: String {
    switch state.keys {
    case .file(let path): path
    case .elsewhere(let name): "KeyManager \"\(name)\""
    }
  }

  private func readKeys(_ inspection: SQLiteInspection) async throws -> ([UInt8]?, authority: String?) {
    guard case .file(let path) = state.keys else { return (nil, inspection.activeAuthorities.first) }
    let authority = try await StoredKeys(file: path).authority(of: inspection.activeAuthorities)
    guard includesKeys else { return (nil, authority) }
    guard let bytes = try BoundedFile.read(path, limit: 4 << 20) else {
      throw ServerError(.cannotBackUp, "there are no keys at \(path); leave -includeKeys out")
    }
    return (bytes, authority)
  }

  /// Gives the finished archive its name; without `-force` never over another file, not even one made meanwhile.
  private func install(_ archive: String) throws {
    if replaces {
      guard rename(archive, file) == 0 else { throw FileError(operation: "rename", path: file, errno: errno) }
    } else {
      guard link(archive, file) == 0 else { throw FileError(operation: "link", path: file, errno: errno) }
    }
    try DiskFile.syncFolder(of: file)
  }
}
