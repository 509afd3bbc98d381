import Daemon
import HCL
import Plugins

/// How the node attestors of the server read their settings.
typealias NodeAttestorSettings = PluginReading<ServerPluginError>

extension NodeAttestorSettings {
  init(_ data: PluginData) throws(ServerPluginError) {
    try self.init(data) { ServerPluginError(.invalidArgument, $0, cause: $1) }
  }

  /// The template of `agent_path_template`, or `standard` where the key is absent or empty.
  mutating func template(fields: Set<String>, standard: String) -> AgentPathTemplate? {
    let own = root.string("agent_path_template") ?? ""
    do { return try AgentPathTemplate(own.isEmpty ? standard : own, fields: fields) } catch {
      report("failed to parse agent svid template: \(GoText.quote(own)): \(error)")
      return nil
    }
  }
}
