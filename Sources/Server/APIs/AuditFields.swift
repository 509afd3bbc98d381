/// The names of the fields that several methods add to their audit records, for the rows of the method tables
/// (server-behaviour §10.3). The values are written by the rest of ``AuditValue``.
extension AuditValue {
  static let agentFilterFields = [
    "node_attestor_type", "by_banned", "by_can_reattest", "by_selector_match", "by_selectors",
  ]
  static let entryFilterFields = [
    "parent_id", "spiffe_id", "hint", "by_selector_match", "by_selectors", "federates_with_match", "federates_with",
    "downstream",
  ]
  static let entryFields = [
    "entry_id", "spiffe_id", "parent_id", "selectors", "x509_svid_ttl", "jwt_svid_ttl", "federates_with", "admin",
    "downstream", "expires_at", "dns_name", "revision_number", "store_svid", "hint", "created_at",
  ]
  static let jwtAuthorityFields = [
    "jwt_authority_expires_at", "jwt_authority_key_id", "jwt_authority_public_key_sha256",
  ]
  static let witAuthorityFields = [
    "wit_authority_expires_at", "wit_authority_key_id", "wit_authority_public_key_sha256",
  ]
  static let authorityFields = jwtAuthorityFields.map { $0 + ".N" } + ["x509_authorities_asn1_sha256.N"]
  static let bundleFields = ["trust_domain_id", "refresh_hint", "sequence_number"] + authorityFields
  static let relationshipFields = [
    "trust_domain_id", "bundle_endpoint_url", "bundle_endpoint_profile", "endpoint_spiffe_id",
  ]
}
