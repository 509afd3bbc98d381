/// The keys that sign one kind of token, by trust domain and key ID, parsed once. What ``JWTKeySet`` and ``WITKeySet``
/// are made of; they differ in type so that no key of one kind verifies a token of the other.
struct TokenKeys: Sendable {
  /// By the bytes of the key ID: two that look alike are two.
  private let keys: [TrustDomain: [[UInt8]: PublicKey]]

  /// The keys that `authorities` names of each bundle. Keys that cannot be parsed cannot verify anything and are left
  /// out.
  init(_ bundles: some Sequence<Bundle>, _ authorities: (Bundle) -> [JWTAuthority]) {
    var keys: [TrustDomain: [[UInt8]: PublicKey]] = [:]
    for bundle in bundles {
      var own: [[UInt8]: PublicKey] = [:]
      for authority in authorities(bundle) {
        own[Array(authority.keyID.utf8)] = try? PublicKey(pkix: authority.publicKey)
      }
      keys[bundle.trustDomain] = own
    }
    self.keys = keys
  }

  func lookup(_ trustDomain: TrustDomain, _ keyID: String) -> JWTKeyLookup {
    guard let own = keys[trustDomain] else { return .unknownTrustDomain }
    return own[Array(keyID.utf8)].map { .found($0) } ?? .unknownKey
  }
}
