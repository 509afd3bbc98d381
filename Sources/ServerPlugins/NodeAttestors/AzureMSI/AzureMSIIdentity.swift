import Daemon
import SPIFFE

/// Whose token it is: the tenant, the managed identity, and the agent ID that these make. Read out of claims that a key of
/// Azure's has signed, and of nothing else. A value.
struct AzureMSIIdentity: Sendable {
  static let fieldNames: Set<String> = [
    "PluginName", "TenantID", "PrincipalID", "Issuer", "Subject", "Audience", "Expiry", "NotBefore", "IssuedAt", "ID",
  ]

  let tenantID: String
  let principalID: String
  let agentID: SPIFFEID

  init(
    _ token: PlatformToken.Signed, template: AgentPathTemplate, host: any NodeAttestorHost
  ) throws(ServerPluginError) {
    func text(_ name: String) -> String { token.claims[name]?.string ?? "" }
    func time(_ name: String) -> TemplateValue { .text(token.claims[name]?.integer.map { "\($0)" } ?? "<nil>") }
    tenantID = text("tid")
    principalID = text("sub")
    guard !tenantID.isEmpty else { throw ServerPluginError(.internal, "token missing tenant ID claim") }
    guard !principalID.isEmpty else { throw ServerPluginError(.internal, "token missing subject claim") }
    let audiences = token.claims["aud"]?.array?.compactMap(\.string) ?? [text("aud")]
    agentID = try host.agentID(
      template,
      [
        "PluginName": .text(AzureMSIAttestor.pluginName), "TenantID": .foreign(tenantID),
        "PrincipalID": .foreign(principalID), "Issuer": .foreign(text("iss")),
        // SPIRE: the principal has taken the subject's place, which is always empty.
        "Subject": .text(""), "Audience": .list(audiences.map { .foreign($0) }), "Expiry": time("exp"),
        "NotBefore": time("nbf"), "IssuedAt": time("iat"), "ID": .foreign(text("jti")),
      ])
  }
}

/// A virtual machine whose managed identity's token was verified. Its one initialiser takes that token and whose it is, and
/// what Azure says of the one machine that has the identity.
struct AzureMSINode: VerifiedNode {
  let agentID: SPIFFEID
  let selectorValues: [String]
  /// Everything on the machine can get such a token.
  var canReattest: Bool { false }
  var isFirstUseOnly: Bool { true }

  init(_ identity: AzureMSIIdentity, token: PlatformToken, machine: AzureMSIMachine) throws(ServerPluginError) {
    guard token.claims["tid"]?.string == identity.tenantID, token.claims["sub"]?.string == identity.principalID else {
      throw ServerPluginError(.internal, "the token that was verified is another one's")
    }
    agentID = identity.agentID
    selectorValues = machine.selectorValues.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
