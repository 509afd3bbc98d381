package import Logging

/// One built-in plugin of a type: how to make it and how to configure it. A folder under `ServerPlugins` or
/// `AgentPlugins` declares one, and a line in the list of its type registers it.
///
/// ```swift
/// static let plugin = BuiltInPlugin<any KeyManager>(
///   "disk",
///   make: { _ in DiskKeyManager() },
///   configure: { manager, configuration in try await manager.configure(configuration) })
/// ```
package struct BuiltInPlugin<Instance: Sendable>: Sendable {
  package typealias Configure = @Sendable (_ instance: Instance, _ configuration: PluginData) async throws -> Void

  package typealias Run = @Sendable (_ instance: Instance) async throws -> Void

  package let name: String
  let make: @Sendable (PluginContext) async throws -> Instance
  let configure: Configure?
  let validate: @Sendable (PluginData) throws -> Void
  let run: Run?
  let close: @Sendable (Instance) async -> Void

  /// - Parameters:
  ///   - configure: `nil` for a plugin that takes no configuration. It may be called again, with other data, while the
  ///     plugin works (SIGUSR1); when it throws, the old configuration stays.
  ///   - validate: what `configure` would say of the data, without making or opening anything.
  ///   - run: what the plugin does unasked while the daemon runs, such as renewing a token; ends when its task is
  ///     cancelled. It begins after `configure`.
  ///   - close: called when the daemon ends.
  package init(
    _ name: String, make: @escaping @Sendable (PluginContext) async throws -> Instance, configure: Configure? = nil,
    validate: @escaping @Sendable (PluginData) throws -> Void = { _ in }, run: Run? = nil,
    close: @escaping @Sendable (Instance) async -> Void = { _ in }
  ) {
    self.name = name
    self.make = make
    self.configure = configure
    self.validate = validate
    self.run = run
    self.close = close
  }

  /// An instance that is not configured.
  package func made(_ context: PluginContext) async throws -> Instance { try await make(context) }
}

/// What a plugin gets when it is made.
package struct PluginContext: Sendable {
  package let name: String
  /// With the subsystem `built-in_plugin.<name>` and the plugin's type.
  package let logger: Logger

  package init(name: String, logger: Logger) {
    self.name = name
    self.logger = logger
  }
}

/// The configuration of a plugin: HCL or JSON text, and where it stands for messages.
package struct PluginData: Sendable, Hashable {
  package let text: String
  /// The file that holds the text, for data of `plugin_data_file`.
  package let file: String?
  /// The plugin's block in the daemon's configuration.
  package let position: PluginConfiguration.Position?

  package init(text: String, file: String? = nil, position: PluginConfiguration.Position? = nil) {
    self.text = text
    self.file = file
    self.position = position
  }
}
