/// The answer to a search for the key of a token.
public enum JWTKeyLookup: Sendable {
  case found(PublicKey)
  /// There is a bundle for the trust domain, without that key.
  case unknownKey
  /// There is no bundle for the trust domain.
  case unknownTrustDomain
}
