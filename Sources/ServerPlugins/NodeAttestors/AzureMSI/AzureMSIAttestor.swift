import Azure
import Daemon
import FoundationEssentials
import HTTP
import Plugins
import SPIFFE

/// The node attestor `azure_msi`: the node has an access token of its virtual machine's managed identity (server-plugins
/// §4.8).
///
/// Nothing is asked of Azure for a node, besides its public keys, before the token's signature is verified. ``Configured`` guards
/// the settings, which the catalog may replace; keys, tokens and what is known of the server's machine are in actors.
package final class AzureMSIAttestor: NodeAttestor {
  package static let pluginName = "azure_msi"
  private static let keysPath = "/common/.well-known/openid-configuration"
  /// How far the clocks of Azure and of the server may be apart.
  private static let leeway: Duration = .seconds(300)

  private let host: any NodeAttestorHost
  private let web: AzureWeb
  private let keys: PlatformKeys
  private let tokens: AzureTokens
  private let machine: AzureOnce<String, AzureMachine>
  private let settings = Configured<AzureMSISettings>()

  init(host: any NodeAttestorHost, places: AzurePlaces, time: any TimeSource) {
    self.host = host
    web = AzureWeb(places, time: time)
    tokens = AzureTokens(web)
    machine = AzureOnce(time: time)
    let fetcher = PlatformKeyFetcher(security: places.security)
    keys = PlatformKeys(time: time) { () throws(ServerPluginError) in
      do {
        let url = try places.reached(places.url(AzurePlaces.loginHost, Self.keysPath))
        return try await fetcher.openID(url, now: time.now)
      } catch let error as ServerPluginError {
        throw error
      } catch {
        throw ServerPluginError(.internal, "\(error)", cause: error)
      }
    }
  }

  static func plugin(_ host: any NodeAttestorHost, time: any TimeSource = SystemTime()) -> BuiltInPlugin<
    any NodeAttestor
  > {
    BuiltInPlugin(
      pluginName,
      make: { _ in AzureMSIAttestor(host: host, places: .ofEnvironment(), time: time) },
      configure: { plugin, data in try (plugin as? AzureMSIAttestor)?.configure(data) },
      validate: { _ = try AzureMSISettings($0) })
  }

  /// Reads the configuration.
  func configure(_ data: PluginData) throws {
    let new = try AzureMSISettings(data)
    settings.replace(with: new)
  }

  package var name: String { Self.pluginName }

  package func attest(_ payload: [UInt8], with agent: any NodeChallenger) async throws -> any VerifiedNode {
    let settings = try settings.current()
    let signed = try await token(AzureMessages.msiToken(payload))
    let identity = try AzureMSIIdentity(signed, template: settings.template, host: host)
    try await host.assessFirstUse(of: identity.agentID)
    guard let tenant = settings.tenants[identity.tenantID] else {
      throw ServerPluginError(.permissionDenied, "tenant \(GoText.quote(identity.tenantID)) is not authorized")
    }
    let token: PlatformToken
    do {
      token = try signed.verified(audience: tenant.resource, leeway: Self.leeway, at: host.now)
    } catch {
      throw ServerPluginError(.internal, "unable to validate token claims: \(error.text)", cause: error)
    }
    let (api, subscription) = try await access(tenant, identity.tenantID)
    let machine = try await AzureMSIMachine.find(principal: identity.principalID, subscription: subscription, api)
    return try AzureMSINode(identity, token: token, machine: machine)
  }

  /// The token, once a key of Azure's has verified its signature.
  private func token(_ text: String) async throws -> PlatformToken.Signed {
    do {
      return try await PlatformToken.signed(Array(text.utf8), keys: keys, algorithms: JWSAlgorithm.allCases)
    } catch let refusal as PlatformToken.Refusal {
      let message =
        switch refusal.step {
        case .key: refusal.text == PlatformToken.missingKeyID ? "token missing key id" : refusal.text
        case .signature: "unable to verify token: \(refusal.text)"
        case .parsing, .claims: "unable to parse token: \(refusal.text)"
        }
      throw ServerPluginError(.invalidArgument, message, cause: refusal)
    } catch let error as ServerPluginError {
      throw ServerPluginError(.internal, "unable to obtain JWKS: \(error.message)", cause: error)
    }
  }

  /// Whom Azure is asked as, and in which subscription the node's machine is.
  private func access(
    _ tenant: AzureMSISettings.Tenant, _ id: String
  ) async throws(ServerPluginError) -> (AzureAPI, subscription: String) {
    if let access = tenant.access {
      let credential = AzureCredential.secret(tenant: id, application: access.application, secret: access.secret)
      return (AzureAPI(web, tokens: tokens) { credential }, access.subscription)
    }
    let own: AzureMachine
    do {
      own = try await machine.value("own") { [web] () throws(AzureError) in
        (try await AzureMachine.own(web), .seconds(24 * 3600))
      }
    } catch {
      throw ServerPluginError("unable to get the subscription of the server's own machine", error)
    }
    let places = web.places
    let api = AzureAPI(web, tokens: tokens) { () throws(AzureError) in
      try AzureCredential.ofEnvironment(places, tenant: id)
    }
    return (api, own.subscription)
  }
}
