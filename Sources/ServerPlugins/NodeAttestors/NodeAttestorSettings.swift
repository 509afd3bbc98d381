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
  ///
  /// - Parameter refusal: what a template that is of no use is refused with.
  mutating func template(
    fields: Set<String>, standard: String, refusal: String = "failed to parse agent svid template"
  ) -> AgentPathTemplate? {
    let own = root.string("agent_path_template") ?? ""
    do { return try AgentPathTemplate(own.isEmpty ? standard : own, fields: fields) } catch {
      report("\(refusal): \(GoText.quote(own)): \(error)")
      return nil
    }
  }
}
