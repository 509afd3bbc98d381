package import FoundationEssentials
package import Keys
package import SPIFFE

/// A JWT or WIT authority of this server that can sign. Immutable.
package struct JWTKey: Sendable {
  package let kind: TokenKind
  package let key: any ManagedKey
  /// The `kid` of its tokens.
  package let keyID: String
  package let issuedAt: Date
  package let expiresAt: Date
  /// What all its tokens begin with.
  let tokenPrefix: [UInt8]

  package init(
    kind: TokenKind = .jwt, key: any ManagedKey, keyID: String, issuedAt: Date, expiresAt: Date
  ) {
    self.kind = kind
    self.key = key
    self.keyID = keyID
    self.issuedAt = issuedAt
    self.expiresAt = expiresAt
    tokenPrefix = JWTSVIDEncoder.prefix(
      algorithm: JWSAlgorithm(signingWith: key.publicKey.keyType), keyID: keyID, type: kind.headerType)
  }

  package var authorityID: String { keyID }
  /// Seconds since 1970; nothing that the key signs lives longer.
  package var notAfter: Int64 {
    let seconds = expiresAt.timeIntervalSince1970.rounded(.down)
    // A journal may hold the largest number, which is not exact as a date.
    return Int64(exactly: seconds) ?? (seconds < 0 ? .min : .max)
  }

  /// How the bundle lists it.
  package var authority: JWTAuthority {
    JWTAuthority(publicKey: key.publicKey.pkix, keyID: keyID, expiresAt: notAfter)
  }
}
