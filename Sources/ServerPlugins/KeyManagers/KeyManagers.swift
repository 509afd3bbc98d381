package import Daemon
import FoundationEssentials
package import Keys
package import Plugins
package import TLS

/// The server's plugins of type KeyManager: one line each.
package enum KeyManagers {
  /// - Parameter tls: what their own connections keep.
  package static func type(
    time: any TimeSource, tls: TLSPolicy = TLSPolicy(),
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> PluginType<any KeyManager> {
    PluginType(
      "KeyManager", .exactly(1),
      builtIns: [disk, memory, HashicorpVaultKeys.plugin(time, tls, environment: environment)])
  }

  private static let memory = BuiltInPlugin<any KeyManager>("memory", make: { _ in MemoryKeyManager() })

  private static let disk = BuiltInPlugin<any KeyManager>(
    "disk", make: { _ in DiskKeys() },
    configure: { manager, data in try await (manager as? DiskKeys)?.configure(data) },
    validate: DiskKeys.validate)
}
