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
    var path = ""
    if !data.text.isEmpty {
      let decoding = HCLDecoding(try HCLDocument.parse(data.text, file: data.file ?? "plugin_data"))
      var root = decoding.root
      path = root.string("keys_path") ?? ""
      try decoding.finish()
    }
    let manager = try await DiskKeyManager.open(keysPath: path)
    base.withLock { base in
      if base == nil { base = manager }
    }
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
