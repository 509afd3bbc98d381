package import Daemon
import FoundationEssentials
package import Keys
package import Plugins

/// The server's plugins of type KeyManager: one line each.
package enum KeyManagers {
  package static func type(
    time: any TimeSource, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> PluginType<any KeyManager> {
    PluginType(
      "KeyManager", .exactly(1),
      builtIns: [disk, memory, HashicorpVaultKeys.plugin(time, environment: environment)])
  }

  private static let memory = BuiltInPlugin<any KeyManager>("memory", make: { _ in MemoryKeyManager() })

  private static let disk = BuiltInPlugin<any KeyManager>(
    "disk", make: { _ in DiskKeys() },
    configure: { manager, data in try await (manager as? DiskKeys)?.configure(data) },
    validate: DiskKeys.validate)
}
