import Azure
import Daemon
import Plugins

extension ServerPluginError {
  /// What the node gets to hear of a failure of Azure's: what was asked for, and why it is not had.
  init(_ what: String, _ error: AzureError) {
    self.init(.internal, "\(what): \(error.message)", cause: error)
  }
}

extension NodeAttestorSettings {
  /// The template of an attestor of Azure.
  mutating func azureTemplate(fields: Set<String>, standard: String) -> AgentPathTemplate? {
    template(fields: fields, standard: standard, refusal: "failed to parse agent path template")
  }
}
