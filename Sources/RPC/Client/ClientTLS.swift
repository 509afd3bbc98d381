package import FoundationEssentials
package import SPIFFE
package import TLS

/// How a client proves who it is and checks that the server is the expected one. Asked anew for every connection, so that
/// a rotated SVID or a changed bundle holds from the next one on.
package struct ClientTLS: Sendable {
  /// How the server's certificate is checked.
  package enum ServerCheck: Sendable {
    /// The chain must lead to an authority of the bundle and the leaf must have this ID.
    case spiffe(id: SPIFFEID, bundle: @Sendable () -> Bundle)
    /// Only the leaf's URI SAN must be this ID: the bootstrap of `insecure_bootstrap`, which proves nothing.
    case insecure(id: SPIFFEID)
  }

  /// The SVID to present; returns `nil` to present none.
  package let credential: @Sendable () throws -> TLSCredential?
  package let server: ServerCheck
  package let policy: TLSPolicy
  private let now: @Sendable () -> Date

  /// - Parameters:
  ///   - credential: called on an event loop for each connection; must return at once.
  ///   - now: the time at which certificates must be valid.
  package init(
    server: ServerCheck, policy: TLSPolicy = TLSPolicy(), now: @escaping @Sendable () -> Date = { Date() },
    credential: @escaping @Sendable () throws -> TLSCredential? = { nil }
  ) {
    self.server = server
    self.policy = policy
    self.now = now
    self.credential = credential
  }

  /// The server proved another ID than the one it was expected to have.
  struct UnexpectedID: Error, CustomStringConvertible {
    let found: String
    var description: String { "unexpected ID \"\(found)\"" }
  }

  /// - Throws: ``SPIFFE/SPIFFEError`` or ``UnexpectedID``.
  func verify(_ chain: [[UInt8]]) throws {
    switch server {
    case .spiffe(let expected, let bundle):
      let svid = try X509SVIDVerifier(bundle: bundle()).verify(chain: chain, at: now())
      guard svid.id == expected else { throw UnexpectedID(found: svid.id.description) }
    case .insecure(let expected):
      guard let leaf = chain.first else { throw UnexpectedID(found: "") }
      let names = try X509Certificates.uriNames(of: try X509Certificates.parse(der: leaf))
      guard names == [expected.description] else { throw UnexpectedID(found: names.joined(separator: ",")) }
    }
  }

  static func connectError(for reason: any Error) -> ConnectError {
    if let error = reason as? SPIFFEError {
      if error.code == .unknownAuthority {
        return .handshake(
          .unknownAuthority, "\(error)",
          hint: "the trust bundle does not hold the server's authority; get the current bundle", cause: error)
      }
      if error.code == .unknownTrustDomain {
        return .handshake(
          .unexpectedID, "\(error)", hint: "the server belongs to another trust domain; check its address", cause: error
        )
      }
    }
    if let error = reason as? UnexpectedID {
      return .handshake(
        .unexpectedID, "\(error)", hint: "what answers there is not the expected server; check its address",
        cause: error)
    }
    return .handshake(.handshake, "\(reason)", hint: "the server's certificate is not acceptable", cause: reason)
  }
}
