import Daemon
import Dispatch
import Synchronization

/// The KeyManager `disk`: keys in one JSON file that upstream reads and writes too (server-plugins §2, agent-plugins §2).
///
/// The CA manager or the agent owns one. The file is read once, at the start; each new key rewrites it whole, on a
/// serial queue of its own, and is visible only once it is safely on the disk. A lock guards the table.
package final class DiskKeyManager: KeyManager {
  private static let prefix = "keymanager(disk): "

  private let path: String
  /// Makes the file's folder, where that is ours to make.
  private let prepare: @Sendable () throws -> Void
  private let queue = DispatchQueue(label: "keys.disk")
  private let table: Mutex<[String: SoftwareKey]>

  private init(path: String, prepare: @escaping @Sendable () throws -> Void, keys: [String: SoftwareKey]) {
    self.path = path
    self.prepare = prepare
    table = Mutex(keys)
  }

  /// The server's form: `keys_path` names the file, whose directory must exist. A missing file means no keys yet.
  package static func open(keysPath: String) async throws(KeysError) -> DiskKeyManager {
    try check(keysPath: keysPath)
    return try await load(keysPath) {}
  }

  /// Says what is wrong with the server's form, without looking for the file.
  package static func check(keysPath: String) throws(KeysError) {
    guard !keysPath.isEmpty else { throw KeysError(.invalidArgument, prefix + "keys_path is required") }
  }

  /// The agent's form: `directory` is made (0700) when absent, proven writable, and holds `keys.json`.
  ///
  /// - Parameter damaged: told when the file cannot be understood; it is moved away then, and there are no keys. Nil
  ///   refuses such a file.
  package static func open(
    directory: String, damaged: (@Sendable (_ kept: String, _ reason: String) -> Void)? = nil
  ) async throws(KeysError) -> DiskKeyManager {
    guard !directory.isEmpty else { throw KeysError(.invalidArgument, prefix + "directory must be configured") }
    let path = directory + "/keys.json"
    do throws(KeysError) {
      return try await load(path) { try KeyDirectory.prepare(directory) }
    } catch {
      guard let damaged, error.code == .internal, error.cause is KeysError else { throw error }
      let kept: String
      do { kept = try AtomicFile.setAside(path) } catch {
        throw KeysError(.internal, prefix + "\(error)", cause: error)
      }
      damaged(kept, error.message)
      return try await load(path) { try KeyDirectory.prepare(directory) }
    }
  }

  private static func load(
    _ path: String, after prepare: @escaping @Sendable () throws -> Void
  ) async throws(KeysError) -> DiskKeyManager {
    do {
      let keys = try await BackgroundWork.run {
        try prepare()
        return try BoundedFile.read(path, limit: KeyFile.limit).map(KeyFile.decode) ?? [:]
      }
      return DiskKeyManager(path: path, prepare: prepare, keys: keys)
    } catch let error as KeysError {
      let place =
        error.code == .internal
        ? " (in \(path); restore the file from a backup, or move it away to begin with new keys)" : ""
      throw KeysError(error.code, prefix + error.message + place, cause: error)
    } catch {
      throw KeysError(.internal, prefix + "unable to load keys: \(error)", cause: error)
    }
  }

  package func generateKey(id: String, type: KeyType) async throws -> any ManagedKey {
    guard !id.isEmpty else {
      throw KeysError(.invalidArgument, Self.prefix + "failed to generate key: key id is required")
    }
    return try await BackgroundWork.run(on: queue) { [self] in
      let key = try SoftwareKey(generating: type, id: id)
      var next = table.withLock { $0 }
      next[id] = key
      do {
        let text = KeyFile.encode(next)
        do { try AtomicFile.write(text, to: path, mode: 0o600) } catch {
          // The folder may have been removed meanwhile.
          try? prepare()
          try AtomicFile.write(text, to: path, mode: 0o600)
        }
      } catch {
        throw KeysError(
          .internal, Self.prefix + "failed to generate key: unable to write keys: \(error)", cause: error)
      }
      // Only this queue writes the table, so nothing was added in between.
      table.withLock { $0 = next }
      return key
    }
  }

  package func key(id: String) async throws -> (any ManagedKey)? { table.withLock { $0[id] } }

  package func keys() async throws -> [any ManagedKey] {
    table.withLock { $0.values.sorted { $0.id < $1.id } }
  }
}
