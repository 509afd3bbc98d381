package import SPIFFE

/// Taints and revokes single authorities of a bundle (server-behaviour §1.8).
///
/// A tainted authority stays in the bundle; only a tainted one can be revoked, which removes it.
package protocol AuthorityRevocationStore: Sendable {
  /// Taints the CA certificates with this subject key ID (lower-case hex).
  func taintX509Authority(subjectKeyID: String, of trustDomain: TrustDomain) async throws(DatastoreError)
  /// Removes the tainted CA certificates with this subject key ID (lower-case hex).
  func revokeX509Authority(subjectKeyID: String, of trustDomain: TrustDomain) async throws(DatastoreError)
  func taintJWTAuthority(keyID: String, of trustDomain: TrustDomain) async throws(DatastoreError) -> JWTAuthority
  func revokeJWTAuthority(keyID: String, of trustDomain: TrustDomain) async throws(DatastoreError) -> JWTAuthority
  func taintWITAuthority(keyID: String, of trustDomain: TrustDomain) async throws(DatastoreError) -> JWTAuthority
  func revokeWITAuthority(keyID: String, of trustDomain: TrustDomain) async throws(DatastoreError) -> JWTAuthority
}
