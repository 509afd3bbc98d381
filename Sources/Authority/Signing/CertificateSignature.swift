import Keys
import SPIFFE

/// The signature algorithm of a CA's key: ECDSA with the curve's hash, or RSA PKCS #1 v1.5 with SHA-256.
struct CertificateSignature: Sendable {
  let signing: SignatureAlgorithm
  /// The AlgorithmIdentifier, DER.
  let identifier: [UInt8]

  init(key: KeyType) {
    switch key {
    case .ecP256: self = Self.p256
    case .ecP384: self = Self.p384
    case .rsa2048, .rsa4096: self = Self.rsa
    }
  }

  private init(_ signing: SignatureAlgorithm, _ type: OID, hasNull: Bool) {
    self.signing = signing
    var writer = DERWriter(capacity: 16)
    writer.sequence {
      $0.objectIdentifier(type)
      if hasNull { $0.primitive(DERTag.null, []) }
    }
    identifier = writer.bytes
  }

  private static let p256 = CertificateSignature(.ecdsaSHA256, .ecdsaWithSHA256, hasNull: false)
  private static let p384 = CertificateSignature(.ecdsaSHA384, .ecdsaWithSHA384, hasNull: false)
  private static let rsa = CertificateSignature(.rsaPKCS1SHA256, .sha256WithRSA, hasNull: true)
}
