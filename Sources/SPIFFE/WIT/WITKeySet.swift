/// The WIT signing keys of some trust domains, parsed once (WIT-SVID §6.2). Immutable: make a new one when a bundle
/// changes.
public struct WITKeySet: Sendable {
  private let keys: TokenKeys

  /// The WIT keys of `bundles`, and none of their JWT keys. Keys that cannot be parsed cannot verify anything and are
  /// left out.
  public init(_ bundles: some Sequence<Bundle>) { keys = TokenKeys(bundles) { $0.witAuthorities } }

  public func lookup(_ trustDomain: TrustDomain, _ keyID: String) -> JWTKeyLookup {
    keys.lookup(trustDomain, keyID)
  }
}
