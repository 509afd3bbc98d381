package import SPIFFE

/// A workload's JWT-SVID to be issued. The caller has checked who may have it.
package struct JWTSVIDRequest: Sendable {
  package var id: SPIFFEID
  /// Empty strings are dropped; one other must be there.
  package var audience: [String]
  /// Zero, negative or nil stands for the configured default.
  package var ttl: Duration?
  /// Whether the token gets a `jti` claim (`jwt_svid_include_jti`).
  package var includesJTI: Bool

  package init(id: SPIFFEID, audience: [String], ttl: Duration? = nil, includesJTI: Bool = false) {
    self.id = id
    self.audience = audience
    self.ttl = ttl
    self.includesJTI = includesJTI
  }
}
