import Crypto
import Daemon
package import Logging
import Synchronization

/// A daemon's plugins: loads them in the order of the configuration, configures them, and closes them in reverse.
///
/// ```swift
/// let catalog = PluginCatalog(logger: logger.with(subsystem: "catalog"))
/// let keyManagers = catalog.register(KeyManagers.type)
/// let attestors = catalog.register(NodeAttestors.type)
/// try await catalog.load(configuration.plugins)
/// let keyManager = keyManagers.only
/// ```
///
/// Used by the composition root, from one task at a time; `reconfigure()` may run beside the plugins' work.
package final class PluginCatalog: Sendable {
  private struct Kind: Sendable {
    let constraint: PluginConstraint
    let load: @Sendable (PluginConfiguration, Logger) async throws -> LoadedPlugin
    let validate: @Sendable (PluginConfiguration) throws -> Void
  }

  private struct State {
    var kinds: [(name: String, kind: Kind)] = []
    var loaded: [LoadedPlugin] = []
  }

  private let logger: Logger
  private let state = Mutex(State())

  /// - Parameter logger: with the subsystem `catalog`.
  package init(logger: Logger) { self.logger = logger }

  /// Makes a type known. All types are registered before `load`.
  ///
  /// - Returns: where the plugins of the type appear once they are loaded.
  package func register<Instance: Sendable>(_ type: PluginType<Instance>) -> PluginSlot<Instance> {
    let slot = PluginSlot<Instance>()
    let find: @Sendable (PluginConfiguration) throws -> BuiltInPlugin<Instance> = { configuration in
      guard let builtIn = type.builtIns.first(where: { $0.name == configuration.name }) else {
        throw PluginError(
          .badConfiguration, "no built-in plugin \"\(configuration.name)\" for type \"\(configuration.type)\"")
      }
      return builtIn
    }
    let validate: @Sendable (PluginConfiguration) throws -> Void = { configuration in
      let builtIn = try find(configuration)
      let data = try PluginChecks.data(of: configuration)
      if builtIn.configure == nil, !data.text.isEmpty { throw Self.takesNoConfiguration }
      try builtIn.validate(data)
    }
    let load: @Sendable (PluginConfiguration, Logger) async throws -> LoadedPlugin = { configuration, logger in
      let builtIn = try find(configuration)
      let context = PluginContext(
        name: builtIn.name,
        logger: logger.with(subsystem: "built-in_plugin.\(builtIn.name)").with(["plugin_type": "\(type.name)"]))
      let instance = try await builtIn.make(context)
      slot.add(builtIn.name, instance)
      var configure: (@Sendable (PluginData) async throws -> Void)?
      if let method = builtIn.configure { configure = { data in try await method(instance, data) } }
      var run: (@Sendable () async throws -> Void)?
      if let method = builtIn.run { run = { try await method(instance) } }
      return LoadedPlugin(
        configuration: configuration, configure: configure, run: run, close: { await builtIn.close(instance) })
    }
    let kind = Kind(constraint: type.constraint, load: load, validate: validate)
    state.withLock { $0.kinds.append((type.name, kind)) }
    return slot
  }

  private static var takesNoConfiguration: PluginError {
    PluginError(.badConfiguration, "no supported configuration interface found")
  }

  /// What the enabled plugins of registered types say of their configuration. Nothing is made, configured or opened.
  package func problems(
    _ configurations: [PluginConfiguration]
  ) -> [(plugin: PluginConfiguration, message: String)] {
    let kinds = state.withLock { $0.kinds }
    return configurations.filter(\.isEnabled).compactMap { configuration in
      guard let kind = kinds.first(where: { $0.name == configuration.type })?.kind else { return nil }
      do {
        try kind.validate(configuration)
        return nil
      } catch {
        return (configuration, "\(error)")
      }
    }
  }

  /// Checks all blocks, then loads the enabled ones.
  ///
  /// - Throws: ``PluginError``. What was loaded until then is closed again.
  package func load(_ configurations: [PluginConfiguration]) async throws {
    let kinds = state.withLock { $0.kinds }
    let enabled = try PluginChecks.check(configurations, types: kinds.map(\.name)) { skipped in
      logger.with(Self.fields(skipped)).debug("Not loading plugin; disabled")
    }
    for (name, kind) in kinds {
      let count = enabled.count { $0.type == name }
      if let problem = kind.constraint.problem(with: count) {
        throw PluginError(.constraint, "plugin type \"\(name)\" constraint not satisfied: \(problem)")
      }
    }
    do {
      for configuration in enabled {
        guard let kind = kinds.first(where: { $0.name == configuration.type })?.kind else { continue }
        try await load(configuration, kind)
      }
    } catch {
      await close()
      throw error
    }
  }

  private func load(_ configuration: PluginConfiguration, _ kind: Kind) async throws {
    let logger = self.logger.with(Self.fields(configuration))
    let name = GoText.quote(configuration.name)
    var plugin: LoadedPlugin
    do {
      plugin = try await kind.load(configuration, self.logger)
    } catch let error as PluginError where error.code == .badConfiguration {
      throw error
    } catch {
      throw PluginError(.failed, "failed to load plugin \(name): \(error)", cause: error)
    }
    do {
      try await configure(&plugin, logger)
    } catch {
      await plugin.close()
      throw PluginError(.failed, "failed to configure plugin \(name): \(error)", cause: error)
    }
    state.withLock { $0.loaded.append(plugin) }
    logger.info("Plugin loaded")
  }

  private func configure(_ plugin: inout LoadedPlugin, _ logger: Logger) async throws {
    let data = try PluginChecks.data(of: plugin.configuration)
    guard let configure = plugin.configure else {
      guard data.text.isEmpty else {
        throw Self.takesNoConfiguration
      }
      return
    }
    try await configure(data)
    var fields: Logger.Metadata = ["reconfigurable": .stringConvertible(data.file != nil)]
    if data.file != nil {
      plugin.hash = Self.hash(data.text)
      fields["hash"] = "\(plugin.hash)"
    }
    logger.info("Configured plugin", metadata: fields)
  }

  /// Reads every `plugin_data_file` again and configures the plugins whose data changed (SIGUSR1). A plugin that refuses
  /// keeps its old configuration.
  package func reconfigure() async {
    for (index, plugin) in state.withLock({ Array($0.loaded.enumerated()) }) {
      guard case .file = plugin.configuration.data, let configure = plugin.configure else { continue }
      let logger = self.logger.with(Self.fields(plugin.configuration))
      do {
        let data = try PluginChecks.data(of: plugin.configuration)
        let hash = Self.hash(data.text)
        guard hash != plugin.hash else {
          logger.info(
            "Plugin not reconfigured since the config is unchanged", metadata: ["hash": "\(hash)"])
          continue
        }
        try await configure(data)
        state.withLock { $0.loaded[index].hash = hash }
        logger.info("Plugin reconfigured", metadata: ["old_hash": "\(plugin.hash)", "new_hash": "\(hash)"])
      } catch {
        logger.error("Failed to reconfigure plugin", metadata: ["error": "\(error)"])
      }
    }
  }

  /// Runs what the plugins do unasked, until the task is cancelled. One that fails is logged and does no more of it.
  package func run() async {
    await withDiscardingTaskGroup { group in
      for plugin in state.withLock({ $0.loaded }) {
        guard let run = plugin.run else { continue }
        let logger = self.logger.with(Self.fields(plugin.configuration))
        group.addTask {
          do { try await run() } catch {
            if !Task.isCancelled { logger.error("Plugin stopped its work", metadata: ["error": "\(error)"]) }
          }
        }
      }
    }
  }

  /// Closes all plugins, the last one first.
  package func close() async {
    let loaded = state.withLock { state in
      defer { state.loaded = [] }
      return state.loaded
    }
    for plugin in loaded.reversed() {
      let logger = self.logger.with(Self.fields(plugin.configuration))
      logger.debug("Unloading plugin")
      await plugin.close()
      logger.debug("Plugin deinitialized")
      logger.info("Plugin unloaded")
    }
  }

  private static func fields(_ configuration: PluginConfiguration) -> Logger.Metadata {
    [
      "external": .stringConvertible(configuration.isExternal), "plugin_name": "\(configuration.name)",
      "plugin_type": "\(configuration.type)",
    ]
  }

  /// What tells two contents of a data file apart: the first 16 bytes of the SHA-512, in hex.
  static func hash(_ text: String) -> String {
    SHA512.hash(data: Array(text.utf8)).prefix(16).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
