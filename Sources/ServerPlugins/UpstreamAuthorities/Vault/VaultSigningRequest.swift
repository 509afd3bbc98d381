import SPIFFE
import SwiftASN1
import X509

/// What Vault's `sign-intermediate` is asked for a CSR: the names that are in it, and the lifetime (server-plugins §3).
struct VaultSigningRequest: Sendable {
  let csr: [UInt8]
  let publicKey: PublicKey
  let body: JSONValue

  /// - Throws: ``ServerPluginError`` invalidArgument for bytes that are no CSR.
  init(csr: [UInt8], ttl: Duration) throws {
    self.csr = csr
    do {
      let request = try CertificateSigningRequest(derEncoded: csr)
      var key = DER.Serializer()
      try key.serialize(request.publicKey)
      publicKey = try PublicKey(pkix: key.serializedBytes)
      func names(_ type: ASN1ObjectIdentifier) -> [String] {
        request.subject.flatMap { $0 }.filter { $0.type == type }.compactMap { String($0.value) }
      }
      let extensions = try request.attributes.extensionRequest?.extensions
      let uris = try extensions?.subjectAlternativeNames?.compactMap { name -> String? in
        if case .uniformResourceIdentifier(let uri) = name { uri } else { nil }
      }
      let seconds = ttl.components.seconds
      body = [
        "common_name": .string(names(ASN1ObjectIdentifier.RDNAttributeType.commonName).first ?? ""),
        "organization": .string(names(ASN1ObjectIdentifier.RDNAttributeType.organizationName).joined(separator: ",")),
        "country": .string(names(ASN1ObjectIdentifier.RDNAttributeType.countryName).joined(separator: ",")),
        "uri_sans": .string((uris ?? []).joined(separator: ",")),
        "csr": .string(PEM.encode(csr, type: "CERTIFICATE REQUEST")),
        "ttl": .string(seconds > 0 ? "\(seconds)" : ""),
      ]
    } catch {
      throw ServerPluginError(.invalidArgument, "unable to parse CSR: \(error)", cause: error)
    }
  }
}
