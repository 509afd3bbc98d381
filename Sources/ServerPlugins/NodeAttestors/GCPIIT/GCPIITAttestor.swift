import Daemon
import FoundationEssentials
import HTTP
import Plugins
import SPIFFE

/// The node attestor `gcp_iit`: the node has an identity token that Google signed for its instance (server-plugins §4.7).
///
/// ``Configured`` guards the settings, which the catalog may replace; keys and access tokens are in actors of their own.
package final class GCPIITAttestor: NodeAttestor {
  package static let pluginName = "gcp_iit"
  private static let audience = "spire-gcp-node-attestor"

  private let host: any NodeAttestorHost
  private let keys: PlatformKeys
  private let compute: GoogleCompute
  private let settings = Configured<GCPIITSettings>()

  init(host: any NodeAttestorHost, google: GoogleServices, time: any TimeSource) {
    self.host = host
    let fetcher = PlatformKeyFetcher(security: google.security)
    keys = PlatformKeys(time: time) { () throws(ServerPluginError) in
      try await fetcher.certificates(try google.url(google.certificates), now: time.now)
    }
    compute = GoogleCompute(google, time: time)
  }

  static func plugin(_ host: any NodeAttestorHost, time: any TimeSource = SystemTime()) -> BuiltInPlugin<
    any NodeAttestor
  > {
    BuiltInPlugin(
      pluginName,
      make: { _ in GCPIITAttestor(host: host, google: .ofEnvironment(), time: time) },
      configure: { plugin, data in try (plugin as? GCPIITAttestor)?.configure(data) },
      validate: { _ = try GCPIITSettings($0) })
  }

  /// Reads the configuration.
  func configure(_ data: PluginData) throws {
    let new = try GCPIITSettings(data)
    settings.replace(with: new)
  }

  package var name: String { Self.pluginName }

  package func attest(_ payload: [UInt8], with agent: any NodeChallenger) async throws -> any VerifiedNode {
    let settings = try settings.current()
    let token: PlatformToken
    do {
      token = try await PlatformToken.verify(
        payload, keys: keys, audience: Self.audience, leeway: .seconds(60), at: host.now)
    } catch let refusal as PlatformToken.Refusal {
      throw Self.failure(refusal)
    }
    let identity = try GCPIdentity(token, settings: settings, host: host)
    try await host.assessFirstUse(of: identity.agentID)
    var instance: GCPInstance?
    if settings.usesInstanceMetadata {
      do { instance = try await compute.instance(identity, accountFile: settings.accountFile) } catch {
        throw ServerPluginError(.internal, "failed to fetch instance metadata: \(error)", cause: error)
      }
    }
    return try GCPNode(identity, instance, settings: settings)
  }

  private static func failure(_ refusal: PlatformToken.Refusal) -> ServerPluginError {
    switch refusal.step {
    case .parsing:
      ServerPluginError(.invalidArgument, "unable to parse the identity token: \(refusal.text)", cause: refusal)
    case .key:
      // The words of upstream's library for whatever is wrong with the name of a key.
      ServerPluginError(
        .invalidArgument,
        "failed to validate the identity token signature: go-jose/go-jose: JWK with matching kid not found in JWK Set",
        cause: refusal)
    case .signature:
      ServerPluginError(
        .invalidArgument, "failed to validate the identity token signature: \(refusal.text)", cause: refusal)
    case .claims:
      ServerPluginError(
        .permissionDenied, "failed to validate the identity token claims: \(refusal.text)", cause: refusal)
    }
  }
}
