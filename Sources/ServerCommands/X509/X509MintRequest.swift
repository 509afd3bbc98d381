import Crypto
import SPIFFE
import SwiftASN1
import X509

/// A new P-256 key and the certificate signing request that asks for an X.509-SVID for it.
struct X509MintRequest: Sendable {
  /// DER.
  let csr: [UInt8]
  /// PKCS #8, DER.
  let privateKey: [UInt8]

  init(id: SPIFFEID, dnsNames: [String]) throws {
    let key = P256.Signing.PrivateKey()
    let names =
      [GeneralName.uniformResourceIdentifier(id.description)] + dnsNames.map { GeneralName.dnsName($0) }
    let request = try CertificateSigningRequest(
      version: .v1, subject: DistinguishedName(), privateKey: Certificate.PrivateKey(key),
      attributes: CertificateSigningRequest.Attributes([
        .init(ExtensionRequest(extensions: Certificate.Extensions { SubjectAlternativeNames(names) }))
      ]))
    var serializer = DER.Serializer()
    try serializer.serialize(request)
    csr = serializer.serializedBytes
    privateKey = Array(key.derRepresentation)
  }
}
