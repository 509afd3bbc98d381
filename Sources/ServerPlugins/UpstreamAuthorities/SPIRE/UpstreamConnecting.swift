package import FoundationEssentials
package import SPIFFE

/// How the plugin `spire` reaches the agent beside this server and the server above it. The composition root gives it:
/// plugins do not speak gRPC. Errors are ``ServerPluginError`` with words that say who could not be reached, and why.
package protocol UpstreamConnecting: Sendable {
  /// The trust domain of this server, and of the one above.
  var trustDomain: TrustDomain { get }
  /// The X509-SVIDs that the Workload API behind a socket gives this process now.
  func identities(at socket: String) async throws -> [UpstreamIdentity]
  /// Calls `received` with this process's X509-SVIDs, now and whenever they change, until the stream ends or fails.
  func followIdentities(
    at socket: String, _ received: @escaping @Sendable ([UpstreamIdentity]) async throws -> Void
  ) async throws
  /// Runs `body` with the server above, whose ID must be `/spire/server` of the trust domain. Its connections open when
  /// a call needs one, each with the identity of that moment.
  func withServer<T: Sendable>(
    _ address: UpstreamServerAddress, as identity: @escaping @Sendable () -> UpstreamIdentity,
    _ body: @escaping @Sendable (any UpstreamServer) async throws -> T
  ) async throws -> T
}

/// The calls that the plugin `spire` makes to the server above.
package protocol UpstreamServer: Sendable {
  /// - Returns: the new CA certificate first, then those up to, and without, a root. DER.
  func newDownstreamX509CA(csr: [UInt8], ttl: Duration) async throws -> [[UInt8]]
  /// - Returns: all JWT keys of the trust domain.
  func publishJWTAuthority(_ key: JWTAuthority) async throws -> [JWTAuthority]
  func bundle() async throws -> Bundle
  /// Calls `changed` with the bundle, now and whenever it changes, until the stream ends.
  ///
  /// - Throws: `unimplemented` where the server does not tell of changes (upstream's do not).
  func watchBundle(_ changed: @escaping @Sendable (Bundle) async throws -> Void) async throws
}

/// Where the server above answers, and how its TLS must be. A value.
package struct UpstreamServerAddress: Hashable, Sendable, CustomStringConvertible {
  package let host: String
  package let port: Int
  /// `experimental.require_pq_kem`.
  package let requiresPostQuantum: Bool

  package init(host: String, port: Int, requiresPostQuantum: Bool = false) {
    self.host = host
    self.port = port
    self.requiresPostQuantum = requiresPostQuantum
  }

  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// An X509-SVID of this server from the agent beside it, with the roots that the server above is verified with. A value.
package struct UpstreamIdentity: Sendable {
  package let id: SPIFFEID
  /// DER, leaf first.
  package let chain: [[UInt8]]
  /// PKCS #8, DER.
  package let key: [UInt8]
  package let bundle: Bundle
  package let expiresAt: Date

  package init(id: SPIFFEID, chain: [[UInt8]], key: [UInt8], bundle: Bundle, expiresAt: Date) {
    self.id = id
    self.chain = chain
    self.key = key
    self.bundle = bundle
    self.expiresAt = expiresAt
  }
}
