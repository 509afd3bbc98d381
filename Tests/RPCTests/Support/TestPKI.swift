import Crypto
import Foundation
import RPC
import SPIFFE
import SwiftASN1
import X509

/// Foundation has a type of this name too.
typealias Bundle = SPIFFE.Bundle

/// An authority of a trust domain and the SVIDs it makes.
struct TestPKI: Sendable {
  let trustDomain: TrustDomain
  private let key = P256.Signing.PrivateKey()
  private let certificate: Certificate
  private let name: DistinguishedName

  init(_ trustDomain: String) throws {
    self.trustDomain = try TrustDomain(trustDomain)
    name = try DistinguishedName { CommonName(trustDomain) }
    certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: Date() - 7200,
      notValidAfter: Date() + 7200, issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try .init {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
        Critical(KeyUsage(keyCertSign: true, cRLSign: true))
      }, issuerPrivateKey: .init(key))
  }

  var der: [UInt8] { (try? X509Certificates.der(of: certificate)) ?? [] }

  var bundle: Bundle {
    Bundle(trustDomain: trustDomain, x509Authorities: [X509Authority(der: der)])
  }

  func svid(
    _ path: String, expires: TimeInterval = 3600, uri: String? = nil, dnsNames: [String] = []
  ) throws -> TLSCredential {
    let leafKey = P256.Signing.PrivateKey()
    let leaf = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(leafKey.publicKey), notValidBefore: Date() - 3600,
      notValidAfter: Date() + expires, issuer: name, subject: try DistinguishedName { OrganizationName("SPIRE") },
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try .init {
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth, .clientAuth])
        Critical(BasicConstraints.notCertificateAuthority)
        SubjectAlternativeNames(
          [.uniformResourceIdentifier(uri ?? "spiffe://\(trustDomain.name)\(path)")] + dnsNames.map { .dnsName($0) })
      }, issuerPrivateKey: .init(key))
    return TLSCredential(chain: [try X509Certificates.der(of: leaf)], key: .der(Array(leafKey.derRepresentation)))
  }

  func verified(_ path: String) throws -> VerifiedX509SVID {
    try X509SVIDVerifier(bundle: bundle).verify(chain: svid(path).chain, at: Date())
  }
}
