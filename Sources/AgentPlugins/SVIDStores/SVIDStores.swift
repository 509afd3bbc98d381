package import Plugins

/// The agent's plugins of type SVIDStore: one line each.
package enum SVIDStores {
  package static let type = PluginType<any SVIDStore>("SVIDStore", .any, builtIns: [DiskSVIDStore.plugin])
}
