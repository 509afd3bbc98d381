/// The JWT signing keys of some trust domains, parsed once. Immutable: make a new one when a bundle changes.
public struct JWTKeySet: Sendable {
  /// By the bytes of the key ID: two that look alike are two.
  private let keys: [TrustDomain: [[UInt8]: PublicKey]]

  /// The keys of `bundles`. Keys that cannot be parsed cannot verify anything and are left out.
  public init(_ bundles: some Sequence<Bundle>) {
    var keys: [TrustDomain: [[UInt8]: PublicKey]] = [:]
    for bundle in bundles {
      var own: [[UInt8]: PublicKey] = [:]
      for authority in bundle.jwtAuthorities {
        own[Array(authority.keyID.utf8)] = try? PublicKey(pkix: authority.publicKey)
      }
      keys[bundle.trustDomain] = own
    }
    self.keys = keys
  }

  public func lookup(_ trustDomain: TrustDomain, _ keyID: String) -> JWTKeyLookup {
    guard let own = keys[trustDomain] else { return .unknownTrustDomain }
    return own[Array(keyID.utf8)].map { .found($0) } ?? .unknownKey
  }
}
