package import Keys
package import Plugins

/// The agent's plugins of type KeyManager: one line each.
package enum KeyManagers {
  package static let type = PluginType<any KeyManager>(
    "KeyManager", .exactly(1), builtIns: [disk, memory])

  private static let memory = BuiltInPlugin<any KeyManager>("memory", make: { _ in MemoryKeyManager() })

  private static let disk = BuiltInPlugin<any KeyManager>(
    "disk", make: { ConfiguredKeyManager(logger: $0.logger) },
    configure: { manager, data in
      guard let manager = manager as? ConfiguredKeyManager else { return }
      try await manager.configure(data)
    })
}
