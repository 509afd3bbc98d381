/// A public key that a trust domain signs JWT-SVIDs (or WIT-SVIDs) with.
public struct JWTAuthority: Hashable, Sendable {
  /// The key, DER SubjectPublicKeyInfo.
  public var publicKey: [UInt8]
  /// The `kid` of the tokens it signs.
  public var keyID: String
  /// When the key expires, in seconds since 1970; 0 if it is not said.
  public var expiresAt: Int64
  /// Whether the authority is about to be revoked: what it signed is to be replaced, but still verifies.
  public var tainted: Bool

  public init(publicKey: [UInt8], keyID: String, expiresAt: Int64 = 0, tainted: Bool = false) {
    self.publicKey = publicKey
    self.keyID = keyID
    self.expiresAt = expiresAt
    self.tainted = tainted
  }
}
