import Daemon
import FoundationEssentials
import Logging
import Plugins
import SPIFFE
import Synchronization

/// The upstream authority `spire`: this server stands below another one of the same trust domain (server-plugins §3.5).
///
/// It is a workload of an agent of the server above; its entry there is marked downstream. The server above signs its CA
/// and takes its JWT keys. While the bundle is followed (`SPIREUpstreamAuthority+Following.swift`), the agent's stream is
/// kept open too, so that each new connection has the identity of the moment. A mutex guards the state.
final class SPIREUpstreamAuthority: UpstreamAuthority {
  /// Whom this server depends on.
  enum Peer: String, Sendable {
    case agent = "The agent of the upstream server"
    case server = "The upstream server"
  }

  struct State: Sendable {
    var settings: SPIREUpstreamSettings?
    /// What the Workload API said last while it was followed.
    var identities: [UpstreamIdentity] = []
    /// Whom the server above let in last.
    var accepted: SPIFFEID?
    /// Grows when something changed above that a poll under way may not have seen.
    var changes: UInt64 = 0
    /// Whether the server above tells of changes.
    var isTold = false
    /// The last bundle that was passed on.
    var bundle: UpstreamAuthorities.Bundle?
    /// The problems that were logged since it worked last, so that each is logged once.
    var problems: [Peer: Set<String>] = [:]
  }

  let connector: any UpstreamConnecting
  let time: any TimeSource
  let logger: Logger
  let state = Mutex(State())

  init(connector: any UpstreamConnecting, time: any TimeSource, logger: Logger) {
    self.connector = connector
    self.time = time
    self.logger = logger
  }

  static func plugin(
    _ connector: any UpstreamConnecting, _ time: any TimeSource
  ) -> BuiltInPlugin<any UpstreamAuthority> {
    BuiltInPlugin(
      "spire", make: { SPIREUpstreamAuthority(connector: connector, time: time, logger: $0.logger) },
      configure: { plugin, data in try (plugin as? SPIREUpstreamAuthority)?.configure(data) },
      validate: { _ = try SPIREUpstreamSettings($0) })
  }

  func configure(_ data: PluginData) throws {
    let settings = try SPIREUpstreamSettings(data)
    state.withLock { state in
      if state.settings?.socket != settings.socket { state.identities = [] }
      state.settings = settings
    }
  }

  func configured() throws -> SPIREUpstreamSettings {
    guard let settings = state.withLock(\.settings) else {
      throw ServerPluginError(.failedPrecondition, "not configured")
    }
    return settings
  }

  // MARK: UpstreamAuthority

  func mintX509CA(csr: [UInt8], ttl: Duration) async throws -> (chain: [[UInt8]], roots: [X509Authority]) {
    let (chain, bundle) = try await call("get a CA signed") { server in
      let chain = try await server.newDownstreamX509CA(csr: csr, ttl: ttl)
      // Only the bundle says which roots are tainted.
      return (chain, try await server.bundle())
    }
    guard !chain.isEmpty else {
      throw ServerPluginError(.internal, "the upstream server returned no X.509 CA")
    }
    let roots = try checked(bundle).x509Authorities
    state.withLock { $0.changes += 1 }
    return (chain, roots)
  }

  func publishJWTKey(_ key: JWTAuthority) async throws -> [JWTAuthority] {
    let keys = try await call("publish a JWT key") { server in try await server.publishJWTAuthority(key) }
    state.withLock { $0.changes += 1 }
    return keys
  }

  /// A bundle from above that may be used.
  func checked(_ bundle: Bundle) throws -> UpstreamAuthorities.Bundle {
    guard bundle.trustDomain == connector.trustDomain else {
      throw ServerPluginError(
        .internal,
        """
        the upstream server sent the bundle of trust domain "\(bundle.trustDomain)"; servers can only be nested within \
        one trust domain, here "\(connector.trustDomain)"
        """)
    }
    guard !bundle.x509Authorities.isEmpty else {
      throw ServerPluginError(.internal, "the upstream server sent a bundle without X.509 authorities")
    }
    return UpstreamAuthorities.Bundle(
      x509Authorities: bundle.x509Authorities, jwtAuthorities: bundle.jwtAuthorities, isComplete: true)
  }

  // MARK: Identities

  /// This server's identities of the trust domain; of several with one ID the first.
  func usable(_ identities: [UpstreamIdentity]) throws -> [UpstreamIdentity] {
    var seen: Set<SPIFFEID> = []
    let own = identities.filter { $0.id.isMember(of: connector.trustDomain) && seen.insert($0.id).inserted }
    guard own.isEmpty else { return own }
    let socket = state.withLock(\.settings)?.socket ?? ""
    let others = identities.map { "\"\($0.id)\"" }.joined(separator: ", ")
    throw ServerPluginError(
      .unavailable,
      """
      the agent at \(socket) gives this server no identity of trust domain "\(connector.trustDomain)", but \
      \(others.isEmpty ? "none" : others); workload_api_socket must be that of an agent of the upstream server
      """)
  }

  private func identities(_ settings: SPIREUpstreamSettings) async throws -> [UpstreamIdentity] {
    let now = time.now
    // While the agent is away, what it gave is good until it expires.
    let held = state.withLock { $0.settings == settings ? $0.identities : [] }.filter { $0.expiresAt > now }
    if !held.isEmpty { return held }
    return try usable(try await connector.identities(at: settings.socket))
  }

  // MARK: Calls

  /// Runs `body` with the server above, as the identity that it let in last; if it refuses that one, as the others.
  func call<T: Sendable>(
    _ purpose: String, _ body: @escaping @Sendable (any UpstreamServer) async throws -> T
  ) async throws -> T {
    let settings = try configured()
    let accepted = state.withLock(\.accepted)
    let identities = try await identities(settings)
    let order = identities.filter { $0.id == accepted } + identities.filter { $0.id != accepted }
    var refusal = ServerPluginError(.permissionDenied, "")
    for identity in order {
      do {
        let result = try await connector.withServer(settings.server, as: latest(identity), body)
        state.withLock { $0.accepted = identity.id }
        return result
      } catch let error as ServerPluginError where error.code == .permissionDenied {
        refusal = error
      }
    }
    throw ServerPluginError(
      .permissionDenied,
      """
      the upstream server at \(settings.server) does not let \
      \(order.map { "\"\($0.id)\"" }.joined(separator: " or ")) \(purpose): \(refusal.message); \
      the entry of this server must be made with -downstream there
      """, cause: refusal)
  }

  /// The identity as it is when a connection is opened.
  private func latest(_ identity: UpstreamIdentity) -> @Sendable () -> UpstreamIdentity {
    { [self] in state.withLock(\.identities).first { $0.id == identity.id } ?? identity }
  }
}
