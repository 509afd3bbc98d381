/// The JWT signing keys of some trust domains, parsed once. Immutable: make a new one when a bundle changes.
public struct JWTKeySet: Sendable {
  private let keys: TokenKeys

  /// The keys of `bundles`. Keys that cannot be parsed cannot verify anything and are left out.
  public init(_ bundles: some Sequence<Bundle>) { keys = TokenKeys(bundles) { $0.jwtAuthorities } }

  public func lookup(_ trustDomain: TrustDomain, _ keyID: String) -> JWTKeyLookup {
    keys.lookup(trustDomain, keyID)
  }
}
