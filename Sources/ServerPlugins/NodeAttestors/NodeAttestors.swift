package import Plugins

/// The server's plugins of type NodeAttestor: one line each.
package enum NodeAttestors {
  package static let type = PluginType<any NodeAttestor>("NodeAttestor", .any, builtIns: [JoinTokenAttestor.plugin])
}
