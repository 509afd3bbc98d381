import Crypto
import FoundationEssentials
import Logging
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
  static func entry(_ entry: Spire_Api_Types_Entry, mask: Spire_Api_Types_EntryMask = .all) -> Logger.Metadata {
    var fields: Logger.Metadata = [:]
    if !entry.id.isEmpty { fields["entry_id"] = .string(entry.id) }
    if mask.spiffeID, entry.hasSpiffeID { fields["spiffe_id"] = .string(id(entry.spiffeID)) }
    if mask.parentID, entry.hasParentID { fields["parent_id"] = .string(id(entry.parentID)) }
    if mask.selectors {
      fields["selectors"] = .string(entry.selectors.map { $0.type + ":" + $0.value }.joined(separator: ","))
    }
    if mask.x509SvidTtl { fields["x509_svid_ttl"] = .value(entry.x509SvidTtl) }
    if mask.jwtSvidTtl { fields["jwt_svid_ttl"] = .value(entry.jwtSvidTtl) }
    if mask.federatesWith { fields["federates_with"] = .string(entry.federatesWith.joined(separator: ",")) }
    if mask.admin { fields["admin"] = .value(entry.admin) }
    if mask.downstream { fields["downstream"] = .value(entry.downstream) }
    if mask.expiresAt { fields["expires_at"] = .value(entry.expiresAt) }
    if mask.dnsNames { fields["dns_name"] = .string(entry.dnsNames.joined(separator: ",")) }
    if mask.revisionNumber { fields["revision_number"] = .value(entry.revisionNumber) }
    if mask.storeSvid { fields["store_svid"] = .value(entry.storeSvid) }
    if mask.hint { fields["hint"] = .string(entry.hint) }
    if mask.createdAt { fields["created_at"] = .value(entry.createdAt) }
    return fields
  }

  /// An ID as the request has it, valid or not.
  static func id(_ id: Spire_Api_Types_SPIFFEID) -> String { "spiffe://" + id.trustDomain + id.path }

  static func bundle(_ bundle: Spire_Api_Types_Bundle) -> Logger.Metadata {
    var fields = authorities(x509: bundle.x509Authorities, jwt: bundle.jwtAuthorities)
    fields["trust_domain_id"] = .string(bundle.trustDomain)
    fields["refresh_hint"] = .value(bundle.refreshHint)
    fields["sequence_number"] = .value(bundle.sequenceNumber)
    return fields
  }

  static func authorities(
    x509: [Spire_Api_Types_X509Certificate], jwt: [Spire_Api_Types_JWTKey]
  ) -> Logger.Metadata {
    var fields: Logger.Metadata = [:]
    for (index, certificate) in x509.enumerated() {
      fields["x509_authorities_asn1_sha256.\(index)"] = .string(sha256(certificate.asn1))
    }
    for (index, key) in jwt.enumerated() {
      for (name, value) in jwtAuthority(key) { fields["\(name).\(index)"] = value }
    }
    return fields
  }

  static func witAuthority(_ key: Spire_Api_Types_WITKey) -> Logger.Metadata {
    [
      "wit_authority_expires_at": .value(key.expiresAt), "wit_authority_key_id": .string(key.keyID),
      "wit_authority_public_key_sha256": .string(sha256(key.publicKey)),
    ]
  }

  static func jwtAuthority(_ key: Spire_Api_Types_JWTKey) -> Logger.Metadata {
    [
      "jwt_authority_expires_at": .value(key.expiresAt), "jwt_authority_key_id": .string(key.keyID),
      "jwt_authority_public_key_sha256": .string(sha256(key.publicKey)),
    ]
  }
}
