import Crypto
package import CryptoExtras
package import Foundation
import SPIFFE
package import X509

/// Authorities and certificates as Azure's metadata service has them, with keys of the tests' own: a root, an intermediate
/// that AIA leads to, and signers below it.
package struct AzureSigner: Sendable {
  /// A certificate and its key.
  package struct Signer: Sendable {
    package let certificate: [UInt8]
    package let key: _RSA.Signing.PrivateKey
  }

  /// Where the intermediate is.
  package static let issuerURL = "http://www.microsoft.com/pkiops/certs/Microsoft%20TLS%20G2%20RSA%20CA%20OCSP%2002.crt"
  /// RSA keys are dear; these serve all tests.
  package static let keys: [_RSA.Signing.PrivateKey] = (0..<2).compactMap { _ in
    try? _RSA.Signing.PrivateKey(keySize: .bits2048)
  }

  private let rootKey = P256.Signing.PrivateKey()
  private let issuerKey = P256.Signing.PrivateKey()
  private let rootName: DistinguishedName
  private let issuerName: DistinguishedName
  package let root: [UInt8]
  package let issuer: [UInt8]

  package init() throws {
    rootName = try DistinguishedName { CommonName("Tests TLS RSA Root") }
    issuerName = try DistinguishedName { CommonName("Tests TLS RSA CA") }
    root = try Self.authority(rootName, .init(rootKey.publicKey), rootName, .init(rootKey))
    issuer = try Self.authority(issuerName, .init(issuerKey.publicKey), rootName, .init(rootKey))
  }

  private static func authority(
    _ name: DistinguishedName, _ key: Certificate.PublicKey, _ signer: DistinguishedName,
    _ signerKey: Certificate.PrivateKey
  ) throws -> [UInt8] {
    try X509Certificates.der(
      of: Certificate(
        version: .v3, serialNumber: .init(), publicKey: key, notValidBefore: Date() - 3600,
        notValidAfter: Date() + 7200, issuer: signer, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
        extensions: try .init {
          Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
          Critical(KeyUsage(keyCertSign: true, cRLSign: true))
        }, issuerPrivateKey: signerKey))
  }

  /// A signer's certificate, of the intermediate unless it is `selfSigned`.
  package func signer(
    names: [String] = ["eastus.metadata.azure.com"], issuers: [String] = [AzureSigner.issuerURL],
    usages: [ExtendedKeyUsage.Usage] = [.serverAuth, .clientAuth], lifetime: TimeInterval = 3600, key index: Int = 0,
    selfSigned: Bool = false
  ) throws -> Signer {
    let key = Self.keys[index]
    let name = try DistinguishedName { CommonName(names.first ?? "none") }
    let certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: Date() - 1800,
      notValidAfter: Date() + lifetime, issuer: selfSigned ? name : issuerName, subject: name,
      signatureAlgorithm: selfSigned ? .sha256WithRSAEncryption : .ecdsaWithSHA256,
      extensions: try .init {
        Critical(KeyUsage(digitalSignature: true, keyEncipherment: true))
        if !usages.isEmpty { try ExtendedKeyUsage(usages) }
        SubjectAlternativeNames(names.map { .dnsName($0) })
        if !issuers.isEmpty {
          AuthorityInformationAccess(
            [.init(method: .ocspServer, location: .uniformResourceIdentifier("http://ocsp.test/"))]
              + issuers.map { .init(method: .issuingCA, location: .uniformResourceIdentifier($0)) })
        }
      }, issuerPrivateKey: selfSigned ? .init(key) : .init(issuerKey))
    return Signer(certificate: try X509Certificates.der(of: certificate), key: key)
  }

  /// `content` signed by `signer` (RFC 5652 §5), as the metadata service does it: the content inside, SHA-256, RSA.
  ///
  /// - Parameters:
  ///   - bag: the certificates that come with it; the signer's own where there is none given.
  ///   - names: the certificate that the signer's information names, where it is not the signer's own.
  ///   - signers: how many there are.
  package static func signed(
    _ content: [UInt8], by signer: Signer, bag: [[UInt8]]? = nil, names: [UInt8]? = nil, signers: Int = 1
  ) throws -> [UInt8] {
    let signature = Array(
      try signer.key.signature(for: Data(content), padding: .insecurePKCS1v1_5).rawRepresentation)
    // The digest is named by the signature that is made with it, as in the documentation's example.
    let sha256: [UInt8] = [0x30, 0x0D, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 0x0B, 5, 0]
    let rsa: [UInt8] = [0x30, 0x0D, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1, 5, 0]
    let data: [UInt8] = [6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 1]
    // The issuer's name and the serial number, as they are encoded there.
    var outer = DERReader((names ?? signer.certificate)[...])
    var certificate = outer.inside(DERTag.sequence)
    var fields = certificate?.inside(DERTag.sequence)
    _ = fields?.next(DERTag.constructedContext(0))
    let serial = Array(fields?.next(DERTag.integer)?.encoded ?? [])
    _ = fields?.next(DERTag.sequence)
    let issuer = Array(fields?.next(DERTag.sequence)?.encoded ?? [])
    var writer = DERWriter()
    writer.sequence { writer in
      writer.raw([6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2] as [UInt8])
      writer.element(DERTag.constructedContext(0)) { writer in
        writer.sequence { writer in
          writer.integer(1)
          writer.primitive(DERTag.set, sha256)
          writer.sequence { writer in
            writer.raw(data)
            writer.element(DERTag.constructedContext(0)) { $0.primitive(DERTag.octetString, content) }
          }
          writer.primitive(DERTag.constructedContext(0), (bag ?? [signer.certificate]).flatMap { $0 })
          writer.element(DERTag.set) { writer in
            for _ in 0..<signers {
              writer.sequence { writer in
                writer.integer(1)
                writer.sequence { writer in
                  writer.raw(issuer)
                  writer.raw(serial)
                }
                writer.raw(sha256)
                writer.raw(rsa)
                writer.primitive(DERTag.octetString, signature)
              }
            }
          }
        }
      }
    }
    return writer.bytes
  }
}
