import HTTP
import NodeProofs
import Plugins
import SPIFFE

/// The node attestor `http_challenge`: whoever answers on a host's port at a well-known path is that host
/// (server-plugins §4.3).
///
/// The server asks one URL, whose host and port it has checked, once: redirections are not followed, no proxy is used, ten
/// seconds, 64 bytes. ``Configured`` guards the settings, which the catalog may replace.
package final class HTTPChallengeAttestor: NodeAttestor {
  package static let pluginName = HTTPChallengeMessages.pluginName

  private let host: any NodeAttestorHost
  private let settings = Configured<HTTPChallengeSettings>()

  init(host: any NodeAttestorHost) { self.host = host }

  static func plugin(_ host: any NodeAttestorHost) -> BuiltInPlugin<any NodeAttestor> {
    BuiltInPlugin(
      pluginName, make: { _ in HTTPChallengeAttestor(host: host) },
      configure: { plugin, data in try (plugin as? HTTPChallengeAttestor)?.configure(data) },
      validate: { _ = try HTTPChallengeSettings($0) })
  }

  /// Reads the configuration.
  func configure(_ data: PluginData) throws {
    let new = try HTTPChallengeSettings(data)
    settings.replace(with: new)
  }

  package var name: String { Self.pluginName }

  package func attest(_ payload: [UInt8], with agent: any NodeChallenger) async throws -> any VerifiedNode {
    let settings = try settings.current()
    let claim: HTTPChallengeMessages.Payload
    do { claim = try HTTPChallengeMessages.Payload(payload) } catch {
      throw ServerPluginError(.invalidArgument, "failed to unmarshal data: \(error)", cause: error)
    }
    try Self.check(claim, settings)
    let challenge = HTTPChallengeMessages.Challenge.random()
    // What it answers means nothing; that it answers means that the challenge is in place.
    _ = try await agent.respond(to: challenge.encoded)
    let shown: ShownChallenge
    do {
      shown = try await ShownChallenge(at: try ChallengePlace(claim), expected: challenge)
    } catch {
      throw ServerPluginError(.permissionDenied, "challenge verification failed: \(error)", cause: error)
    }
    let node = try HTTPChallengeNode(shown, host: host, canReattest: !settings.trustsFirstUseOnly)
    if settings.trustsFirstUseOnly { try await host.assessFirstUse(of: node.agentID) }
    return node
  }

  /// What can be refused without asking anybody.
  private static func check(
    _ claim: HTTPChallengeMessages.Payload, _ settings: HTTPChallengeSettings
  ) throws(ServerPluginError) {
    if let required = settings.requiredPort, claim.port != required {
      throw ServerPluginError(.invalidArgument, "port \(claim.port) is not allowed to be used by this server")
    }
    if !settings.allowsOtherPorts && claim.port >= 1024 {
      throw ServerPluginError(.invalidArgument, "port \(claim.port) is not allowed to be >= 1024")
    }
    guard HTTPChallengeMessages.isAgentName(claim.agentName) else {
      throw ServerPluginError(.invalidArgument, "agent name is not valid")
    }
    guard !isLocalHost(claim.hostname) else {
      throw ServerPluginError(.permissionDenied, "you can not use localhost as a hostname")
    }
    guard settings.patterns.isEmpty || settings.patterns.contains(where: { $0.matches(claim.hostname) }) else {
      throw ServerPluginError(.permissionDenied, "the requested hostname is not allowed to connect")
    }
  }

  /// `localhost` in any case, with a dot at its end, and the names below it (RFC 6761 §6.3): all of them are the server.
  private static func isLocalHost(_ name: String) -> Bool {
    var name = name.lowercased()[...]
    while name.hasSuffix(".") { name = name.dropLast() }
    return name == "localhost" || name.hasSuffix(".localhost")
  }
}
