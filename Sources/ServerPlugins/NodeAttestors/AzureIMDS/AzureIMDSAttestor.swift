import Azure
import Daemon
import FoundationEssentials
import Plugins
import SPIFFE

/// The node attestor `azure_imds`: the node has a document about its virtual machine that Azure's metadata service signed
/// over a nonce of the server (server-plugins §4.9).
///
/// ``Configured`` guards the settings, which the catalog may replace; what was learned from Azure is in actors.
package final class AzureIMDSAttestor: NodeAttestor {
  package static let pluginName = "azure_imds"
  private static let nonceLength = 32
  private static let alphabet = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")

  /// The settings, and what was learned with them.
  private struct State: Sendable {
    let settings: AzureIMDSSettings
    let issuers: AzureIssuers
  }

  private let host: any NodeAttestorHost
  private let web: AzureWeb
  private let tokens: AzureTokens
  private let tenants: AzureTenants
  private let state = Configured<State>()

  init(host: any NodeAttestorHost, places: AzurePlaces, time: any TimeSource) {
    self.host = host
    web = AzureWeb(places, time: time)
    tokens = AzureTokens(web)
    tenants = AzureTenants(web)
  }

  static func plugin(_ host: any NodeAttestorHost, time: any TimeSource = SystemTime()) -> BuiltInPlugin<
    any NodeAttestor
  > {
    BuiltInPlugin(
      pluginName,
      make: { _ in AzureIMDSAttestor(host: host, places: .ofEnvironment(), time: time) },
      configure: { plugin, data in try (plugin as? AzureIMDSAttestor)?.configure(data) },
      validate: { _ = try AzureIMDSSettings($0) })
  }

  /// Reads the configuration.
  func configure(_ data: PluginData) throws {
    let settings = try AzureIMDSSettings(data)
    let new = State(settings: settings, issuers: AzureIssuers(web.places, time: web.time))
    state.replace(with: new)
  }

  package var name: String { Self.pluginName }

  /// - Parameter payload: says only that somebody is there.
  package func attest(_ payload: [UInt8], with agent: any NodeChallenger) async throws -> any VerifiedNode {
    let state = try state.current()
    let settings = state.settings
    let nonce = Self.nonce()
    let sent = try AzureMessages.AttestedDocument(try await agent.respond(to: Array(nonce.utf8)))
    let document = try await VerifiedAttestedDocument.verify(
      sent, settings: settings, issuers: state.issuers, at: host.now)
    try AzureIMDSIdentity.check(document, nonce: nonce)
    guard let tenant = settings.tenants[sent.domain] else {
      throw ServerPluginError(
        .permissionDenied, "tenant \(GoText.quote(String(sent.domain.prefix(256)))) is not authorized")
    }
    guard tenant.subscriptions.isEmpty || tenant.subscriptions.contains(document.subscriptionID) else {
      throw ServerPluginError(
        .permissionDenied, "subscription \(GoText.quote(document.subscriptionID)) is not authorized")
    }
    let tenantID: String
    do { tenantID = try await tenants.tenant(of: sent.domain) } catch {
      throw ServerPluginError("unable to lookup tenant ID", error)
    }
    let identity = try AzureIMDSIdentity(document, tenantID: tenantID, template: settings.template, host: host)
    try await host.assessFirstUse(of: identity.agentID)
    let lookup = AzureIMDSLookup(api: api(tenant.access, tenantID), identity: identity)
    let machine = try await lookup.machine(scaleSet: sent.scaleSet)
    return AzureIMDSNode(identity, machine: machine, tags: tenant.tags)
  }

  private func api(_ access: AzureIMDSSettings.Access, _ tenant: String) -> AzureAPI {
    let places = web.places
    return AzureAPI(web, tokens: tokens) { () throws(AzureError) in
      switch access {
      case .secret(let application, let secret):
        return .secret(tenant: tenant, application: application, secret: secret)
      case .tokenFile(let application, let path):
        return .tokenFile(tenant: tenant, application: application, path: path)
      case .environment:
        return try AzureCredential.ofEnvironment(places, tenant: tenant)
      }
    }
  }

  /// What Azure's metadata service signs: letters and digits only, as it asks.
  static func nonce() -> String {
    var random = SystemRandomNumberGenerator()
    return String((0..<nonceLength).compactMap { _ in alphabet.randomElement(using: &random) })
  }
}
