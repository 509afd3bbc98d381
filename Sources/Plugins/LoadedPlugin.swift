/// A plugin that works: what the catalog needs to configure it again and to close it.
struct LoadedPlugin: Sendable {
  let configuration: PluginConfiguration
  /// `nil` when the plugin takes no configuration.
  let configure: (@Sendable (PluginData) async throws -> Void)?
  /// `nil` when the plugin does nothing unasked.
  let run: (@Sendable () async throws -> Void)?
  let close: @Sendable () async -> Void
  /// Of the data of a `plugin_data_file`; empty otherwise.
  var hash = ""
}
