import Azure
import Daemon
import HCL
import Plugins

/// The configuration of the node attestor `azure_msi` (server-plugins §4.8). A value; holds secrets, never printed.
struct AzureMSISettings: Sendable {
  /// The audience of tokens where a tenant names none: Azure Resource Manager.
  static let standardResource = "https://management.azure.com/"

  struct Tenant: Sendable {
    /// The audience that tokens of the tenant must be for.
    let resource: String
    /// Whose machines are looked up as whom; nil for what the environment of the server gives.
    let access: Access?
  }

  struct Access: Sendable {
    let subscription: String
    let application: String
    let secret: String
  }

  /// By ID.
  let tenants: [String: Tenant]
  let template: AgentPathTemplate

  init(_ data: PluginData) throws(ServerPluginError) {
    var reading = try NodeAttestorSettings(data)
    var tenants: [String: Tenant] = [:]
    for (labels, section) in reading.root.labelled("tenants", levels: 1) {
      let id = labels.first?.text ?? ""
      tenants[id] = Self.tenant(id, section, &reading)
    }
    if tenants.isEmpty { reading.report("configuration must have at least one tenant") }
    let template = reading.azureTemplate(
      fields: AzureMSIIdentity.fieldNames, standard: "/{{ .PluginName }}/{{ .TenantID }}/{{ .PrincipalID }}")
    try reading.finish()
    guard let template else { throw ServerPluginError(.internal, "no settings") }
    self.tenants = tenants
    self.template = template
  }

  private static func tenant(_ id: String, _ section: HCLSection, _ reading: inout NodeAttestorSettings) -> Tenant {
    var section = section
    func misconfigured(_ why: String) { reading.report("misconfigured tenant \(GoText.quote(id)): \(why)") }
    let resource = section.string("resource_id") ?? ""
    let subscription = section.string("subscription_id") ?? ""
    let application = section.string("app_id") ?? ""
    let secret = section.string("app_secret") ?? ""
    if !AzureName.isDomain(id) {
      reading.report("unable to get tenant client credential: \(GoText.quote(id)) is no ID of a tenant")
    }
    var access: Access?
    if !subscription.isEmpty || !application.isEmpty || !secret.isEmpty {
      access = Access(subscription: subscription, application: application, secret: secret)
      if subscription.isEmpty { misconfigured("missing subscription id") }
      if application.isEmpty { misconfigured("missing app id") }
      if secret.isEmpty { misconfigured("missing app secret") }
      if !subscription.isEmpty, !AzureName.isIdentifier(subscription) {
        misconfigured("\(GoText.quote(subscription)) is no subscription id")
      }
    }
    return Tenant(resource: resource.isEmpty ? standardResource : resource, access: access)
  }
}
