import Plugins

/// How the node attestors of the agent read their settings.
typealias NodeAttestorSettings = PluginReading<AgentPluginError>

extension NodeAttestorSettings {
  init(_ data: PluginData, of name: String) throws(AgentPluginError) {
    try self.init(data) { .nodeAttestor(name, .invalidArgument, $0, cause: $1) }
  }
}
