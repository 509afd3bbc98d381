import HCL
import Keys
import Plugins
import Synchronization

/// The server's key manager `disk` between its making and its configuration: it has keys once it knows its file.
///
/// The catalog configures it, the CA manager uses it. The file is read at the first configuration only. A mutex guards it.
final class DiskKeys: KeyManager {
  private let base = Mutex<DiskKeyManager?>(nil)

  func configure(_ data: PluginData) async throws {
    let manager = try await DiskKeyManager.open(keysPath: try Self.keysPath(data))
    base.withLock { base in
      if base == nil { base = manager }
    }
  }

  /// The file that the configuration names; empty when it names none.
  private static func keysPath(_ data: PluginData) throws -> String {
    guard !data.text.isEmpty else { return "" }
    let decoding = HCLDecoding(try HCLDocument.parse(data.text, file: data.file ?? "plugin_data"))
    var root = decoding.root
    let path = root.string("keys_path") ?? ""
    try decoding.finish()
    return path
  }

  /// Says what is wrong with a configuration, without looking for the file.
  static func validate(_ data: PluginData) throws {
    try DiskKeyManager.check(keysPath: try keysPath(data))
  }

  private func configured() throws -> DiskKeyManager {
    guard let manager = base.withLock({ $0 }) else {
      throw KeysError(.invalidArgument, "keymanager(disk): not configured; plugin_data needs keys_path")
    }
    return manager
  }

  func generateKey(id: String, type: KeyType) async throws -> any ManagedKey {
    try await configured().generateKey(id: id, type: type)
  }

  func key(id: String) async throws -> (any ManagedKey)? { try await configured().key(id: id) }

  func keys() async throws -> [any ManagedKey] { try await configured().keys() }
}
