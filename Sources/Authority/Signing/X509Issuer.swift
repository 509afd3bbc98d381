import Keys

/// Who signs a certificate: the raw name, the key identifier and the key of a CA.
struct X509Issuer: Sendable {
  /// DER of the CA's subject, byte for byte what becomes the certificate's issuer.
  let rawName: [UInt8]
  /// The CA's SubjectKeyIdentifier; nil where the certificate signs itself and carries no AuthorityKeyIdentifier.
  let keyID: [UInt8]?
  let key: any ManagedKey
  /// How its key signs.
  let algorithm: CertificateSignature

  init(rawName: [UInt8], keyID: [UInt8]?, key: any ManagedKey) {
    self.rawName = rawName
    self.keyID = keyID
    self.key = key
    algorithm = CertificateSignature(key: key.type)
  }
}
