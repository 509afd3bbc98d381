import Azure
import Daemon
import SPIFFE

/// Which virtual machine a verified document is about, and the agent ID that it makes. Read out of the document, and of the
/// tenant that the configuration and Azure's look-up name; the agent chooses only which of the configured tenants that is,
/// and the machine must be found there. A value.
struct AzureIMDSIdentity: Sendable {
  static let fieldNames: Set<String> = ["PluginName", "TenantID", "SubscriptionID", "VMID", "Nonce"]

  let tenantID: String
  let subscriptionID: String
  let machineID: String
  let agentID: SPIFFEID

  /// - Parameter nonce: the challenge that this agent was given.
  static func check(_ document: VerifiedAttestedDocument, nonce: String) throws(ServerPluginError) {
    func refusal(_ text: String) -> ServerPluginError { ServerPluginError(.invalidArgument, text) }
    guard !document.machineID.isEmpty else { throw refusal("missing VM ID in attested document") }
    guard !document.subscriptionID.isEmpty else { throw refusal("missing subscription ID in attested document") }
    guard document.nonce == nonce else { throw refusal("nonce mismatch") }
    guard AzureName.isUUID(document.machineID) else {
      throw refusal(
        "invalid VM ID: invalid UUID format: \(GoText.quote(String(document.machineID.prefix(128))))")
    }
    guard AzureName.isIdentifier(document.subscriptionID) else {
      throw refusal("invalid subscription ID: \(GoText.quote(String(document.subscriptionID.prefix(128))))")
    }
  }

  /// - Parameters:
  ///   - document: that has passed ``check(_:nonce:)``.
  ///   - tenantID: of the tenant's domain, as Azure says.
  init(
    _ document: VerifiedAttestedDocument, tenantID: String, template: AgentPathTemplate, host: any NodeAttestorHost
  ) throws(ServerPluginError) {
    self.tenantID = tenantID
    subscriptionID = document.subscriptionID
    machineID = document.machineID
    agentID = try host.agentID(
      template,
      [
        "PluginName": .text(AzureIMDSAttestor.pluginName), "TenantID": .foreign(tenantID),
        "SubscriptionID": .foreign(subscriptionID), "VMID": .foreign(machineID), "Nonce": .foreign(document.nonce),
      ])
  }
}

/// A virtual machine of Azure whose attested document was verified. Its one initialiser takes what that document says, and
/// what Azure says of the machine.
struct AzureIMDSNode: VerifiedNode {
  let agentID: SPIFFEID
  let selectorValues: [String]
  /// Everything on the machine can get such a document.
  var canReattest: Bool { false }
  var isFirstUseOnly: Bool { true }

  /// - Parameter tags: of which selectors are made.
  init(_ identity: AzureIMDSIdentity, machine: AzureIMDSMachine, tags: Set<String>) {
    agentID = identity.agentID
    var values: Set = [
      "subscription-id:\(identity.subscriptionID)", "vm-name:\(machine.name)", "vm-location:\(machine.location)",
      "resource-group:\(machine.resourceGroup)",
    ]
    if let scaleSet = machine.scaleSet { values.insert("vmss-name:\(scaleSet)") }
    for (key, value) in machine.tags where tags.contains(key) { values.insert("vm-tag:\(key):\(value)") }
    for interface in machine.interfaces {
      if let group = interface.securityGroup {
        values.insert("network-security-group:\(group.resourceGroup):\(group.name)")
      }
      for subnet in interface.subnets {
        values.insert("virtual-network:\(subnet.network)")
        values.insert("virtual-network-subnet:\(subnet.network):\(subnet.name)")
      }
    }
    selectorValues = values.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
