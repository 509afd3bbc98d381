import Crypto
import FoundationEssentials
import RPC
import SPIFFE
import SwiftASN1
import X509

/// The certificate by which a server proves control of a name over TLS (RFC 8737 §3): for that name alone, signed by
/// itself, with the digest of the key authorization. Good for nothing else.
enum ChallengeCertificate {
  /// id-pe-acmeIdentifier
  private static let identifier: ASN1ObjectIdentifier = [1, 3, 6, 1, 5, 5, 7, 1, 31]

  static func make(for domain: String, keyAuthorization: String, now: Date) throws -> TLSCredential {
    let key = P256.Signing.PrivateKey()
    var serializer = DER.Serializer()
    try serializer.serialize(
      ASN1OctetString(contentBytes: Array(SHA256.hash(data: Array(keyAuthorization.utf8)))[...]))
    let proof = Certificate.Extension(oid: identifier, critical: true, value: serializer.serializedBytes[...])
    let name = try DistinguishedName { CommonName("ACME challenge") }
    let certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: now - 3600,
      notValidAfter: now + 86400, issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try .init {
        SubjectAlternativeNames([.dnsName(domain)])
        proof
      }, issuerPrivateKey: .init(key))
    return TLSCredential(
      chain: [try X509Certificates.der(of: certificate)], key: .der(Array(key.derRepresentation)))
  }
}
