import Crypto
import FoundationEssentials
import SPIFFE
import SPIREProtos

/// How values are written into audit records (server-behaviour §10.3).
enum AuditValue {
  /// Lower-case hex SHA-256, for CSRs, certificates and keys.
  static func sha256(_ data: Data) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for byte in SHA256.hash(data: data) {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  static func selectors(_ selectors: [Selector]) -> String { selectors.map(\.description).joined(separator: ",") }

  /// The fields of an entry that a request sets.
  static func entry(_ entry: Spire_Api_Types_Entry, mask: Spire_Api_Types_EntryMask = .all) -> [String: String] {
    var fields: [String: String] = [:]
    if !entry.id.isEmpty { fields["entry_id"] = entry.id }
    if mask.spiffeID, entry.hasSpiffeID { fields["spiffe_id"] = id(entry.spiffeID) }
    if mask.parentID, entry.hasParentID { fields["parent_id"] = id(entry.parentID) }
    if mask.selectors {
      fields["selectors"] = entry.selectors.map { $0.type + ":" + $0.value }.joined(separator: ",")
    }
    if mask.x509SvidTtl { fields["x509_svid_ttl"] = String(entry.x509SvidTtl) }
    if mask.jwtSvidTtl { fields["jwt_svid_ttl"] = String(entry.jwtSvidTtl) }
    if mask.federatesWith { fields["federates_with"] = entry.federatesWith.joined(separator: ",") }
    if mask.admin { fields["admin"] = String(entry.admin) }
    if mask.downstream { fields["downstream"] = String(entry.downstream) }
    if mask.expiresAt { fields["expires_at"] = String(entry.expiresAt) }
    if mask.dnsNames { fields["dns_name"] = entry.dnsNames.joined(separator: ",") }
    if mask.revisionNumber { fields["revision_number"] = String(entry.revisionNumber) }
    if mask.storeSvid { fields["store_svid"] = String(entry.storeSvid) }
    if mask.hint { fields["hint"] = entry.hint }
    if mask.createdAt { fields["created_at"] = String(entry.createdAt) }
    return fields
  }

  /// An ID as the request has it, valid or not.
  static func id(_ id: Spire_Api_Types_SPIFFEID) -> String { "spiffe://" + id.trustDomain + id.path }

  static func bundle(_ bundle: Spire_Api_Types_Bundle) -> [String: String] {
    var fields = authorities(x509: bundle.x509Authorities, jwt: bundle.jwtAuthorities)
    fields["trust_domain_id"] = bundle.trustDomain
    fields["refresh_hint"] = String(bundle.refreshHint)
    fields["sequence_number"] = String(bundle.sequenceNumber)
    return fields
  }

  static func authorities(
    x509: [Spire_Api_Types_X509Certificate], jwt: [Spire_Api_Types_JWTKey]
  ) -> [String: String] {
    var fields: [String: String] = [:]
    for (index, certificate) in x509.enumerated() {
      fields["x509_authorities_asn1_sha256.\(index)"] = sha256(certificate.asn1)
    }
    for (index, key) in jwt.enumerated() {
      for (name, value) in jwtAuthority(key) { fields["\(name).\(index)"] = value }
    }
    return fields
  }

  static func jwtAuthority(_ key: Spire_Api_Types_JWTKey) -> [String: String] {
    [
      "jwt_authority_expires_at": String(key.expiresAt), "jwt_authority_key_id": key.keyID,
      "jwt_authority_public_key_sha256": sha256(key.publicKey),
    ]
  }
}
