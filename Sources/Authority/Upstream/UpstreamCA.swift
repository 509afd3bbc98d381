package import SPIFFE

/// The authority above this server's, as the CA manager sees it: it signs this server's CA, may spread its JWT keys, and
/// may tell when its own roots change (server-plugins §3).
///
/// The composition root adapts the configured plugin. Errors are ``AuthorityError``; code unimplemented says that the
/// authority does not offer the operation.
package protocol UpstreamCA: Sendable {
  /// Has a CA certificate made for the key of a request.
  ///
  /// - Parameters:
  ///   - csr: a PKCS #10 request, DER.
  ///   - ttl: the lifetime that is wished for.
  func mintX509CA(csr: [UInt8], ttl: Duration) async throws(AuthorityError) -> MintedX509CA
  /// Publishes a JWT key of this server and returns all JWT keys of the trust domain above.
  func publish(_ key: JWTAuthority) async throws(AuthorityError) -> [JWTAuthority]
  /// Tells the trust domain's bundle as it is above, now and after each change, until the task is cancelled.
  func followBundle(_ changed: @escaping @Sendable (UpstreamBundle) async -> Void) async throws(AuthorityError)
}

/// A CA certificate that an upstream authority signed.
package struct MintedX509CA: Sendable {
  /// The new CA first, then the certificates up to, and without, a root. DER.
  package let chain: [[UInt8]]
  /// The roots that the chain leads to.
  package let roots: [X509Authority]

  package init(chain: [[UInt8]], roots: [X509Authority]) {
    self.chain = chain
    self.roots = roots
  }
}

/// What an upstream authority says that the trust domain trusts.
package struct UpstreamBundle: Equatable, Sendable {
  package let x509Authorities: [X509Authority]
  package let jwtAuthorities: [JWTAuthority]
  /// Whether it is all that the trust domain trusts, so that what is missing was withdrawn; else only the CA's own.
  package let isComplete: Bool

  package init(x509Authorities: [X509Authority], jwtAuthorities: [JWTAuthority] = [], isComplete: Bool = false) {
    self.x509Authorities = x509Authorities
    self.jwtAuthorities = jwtAuthorities
    self.isComplete = isComplete
  }
}
