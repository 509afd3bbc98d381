import HCL
import Keys
import Logging
import Plugins
import Synchronization

/// The key manager `disk` between its making and its configuration: it has keys once it knows its directory.
///
/// The catalog configures it, the agent uses it. The directory is read at the first configuration only.
final class ConfiguredKeyManager: KeyManager {
  private let base = Mutex<DiskKeyManager?>(nil)
  private let logger: Logger

  init(logger: Logger) { self.logger = logger }

  func configure(_ data: PluginData) async throws {
    var directory = ""
    if !data.text.isEmpty {
      let decoding = HCLDecoding(try HCLDocument.parse(data.text, file: data.file ?? "plugin_data"))
      var root = decoding.root
      directory = root.string("directory") ?? ""
      try decoding.finish()
    }
    let logger = logger
    // Without its keys the agent attests again, or says that it cannot; the file stays for whoever can mend it.
    let manager = try await DiskKeyManager.open(directory: directory) { kept, reason in
      logger.error(
        "The key file was damaged; it is kept, and there are no keys",
        metadata: ["kept": "\(kept)", "error": "\(reason)"])
    }
    base.withLock { base in
      if base == nil { base = manager }
    }
  }

  private func configured() throws -> DiskKeyManager {
    guard let manager = base.withLock({ $0 }) else {
      throw AgentPluginError(.internalError, "keymanager(disk): not configured")
    }
    return manager
  }

  func generateKey(id: String, type: KeyType) async throws -> any ManagedKey {
    try await configured().generateKey(id: id, type: type)
  }

  func key(id: String) async throws -> (any ManagedKey)? { try await configured().key(id: id) }

  func keys() async throws -> [any ManagedKey] { try await configured().keys() }
}
