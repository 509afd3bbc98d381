import Azure
import Daemon
import Plugins
import SPIFFE

extension ServerPluginError {
  /// What the node gets to hear of a failure of Azure's: what was asked for, and why it is not had.
  init(_ what: String, _ error: AzureError) {
    self.init(.internal, "\(what): \(error.message)", cause: error)
  }
}

extension NodeAttestorHost {
  /// The agent ID of a machine of Azure.
  func agentID(
    _ template: AgentPathTemplate, _ fields: [String: TemplateValue]
  ) throws(ServerPluginError) -> SPIFFEID {
    let path: String
    do { path = try template.path(.map(fields)) } catch {
      throw ServerPluginError(.internal, "unable to make agent ID: \(error)", cause: error)
    }
    do { return try agentID(path) } catch {
      throw ServerPluginError(.internal, "unable to make agent ID: \(error.message)", cause: error)
    }
  }
}

extension NodeAttestorSettings {
  /// The template of an attestor of Azure.
  mutating func azureTemplate(fields: Set<String>, standard: String) -> AgentPathTemplate? {
    template(fields: fields, standard: standard, refusal: "failed to parse agent path template")
  }
}
