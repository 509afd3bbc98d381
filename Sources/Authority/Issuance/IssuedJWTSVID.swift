package import SPIFFE

/// A JWT-SVID or WIT-SVID as it goes to its owner.
package struct IssuedJWTSVID: Hashable, Sendable {
  package let id: SPIFFEID
  /// The compact serialization.
  package let token: String
  /// Seconds since 1970.
  package let issuedAt: Int64
  /// Seconds since 1970.
  package let expiresAt: Int64
  /// The authority (`kid`) that signed it.
  package let authorityID: String
}
