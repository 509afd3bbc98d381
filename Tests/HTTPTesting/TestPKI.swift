import Crypto
package import Foundation
package import NIOSSL
package import SPIFFE
import SwiftASN1
import X509

/// An authority and what it signs: SVIDs of a trust domain, and certificates for hosts of the web.
package struct TestPKI: Sendable {
  package let trustDomain: TrustDomain
  private let key = P256.Signing.PrivateKey()
  private let name: DistinguishedName
  private let certificate: Certificate

  /// - Parameter id: the SPIFFE ID of the authority itself, if it is to have one.
  package init(_ trustDomain: String, lifetime: TimeInterval = 7200, id: String? = nil) throws {
    self.trustDomain = try TrustDomain(trustDomain)
    name = try DistinguishedName { CommonName(trustDomain) }
    let start = Date() - 3600
    let publicKey = Certificate.PublicKey(key.publicKey)
    certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: start,
      notValidAfter: start + lifetime, issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try .init {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
        Critical(KeyUsage(keyCertSign: true, cRLSign: true))
        SubjectKeyIdentifier(hash: publicKey)
        if let id { SubjectAlternativeNames([.uniformResourceIdentifier(id)]) }
      }, issuerPrivateKey: .init(key))
  }

  package var der: [UInt8] { (try? X509Certificates.der(of: certificate)) ?? [] }
  package var privateKeyPEM: String { key.pemRepresentation + "\n" }
  package var root: NIOSSLCertificate { get throws { try NIOSSLCertificate(bytes: der, format: .der) } }

  package func bundle(refreshHint: Int64 = 0, sequence: UInt64 = 0) -> SPIFFE.Bundle {
    SPIFFE.Bundle(
      trustDomain: trustDomain, x509Authorities: [X509Authority(der: der)], refreshHint: refreshHint,
      sequenceNumber: sequence)
  }

  /// A server's certificate: of an ID, of host names, of addresses.
  package func server(
    id: String? = nil, hosts: [String] = [], addresses: [[UInt8]] = [], from: TimeInterval = -3600,
    to: TimeInterval = 3600
  ) throws -> ServerCertificate {
    let leafKey = P256.Signing.PrivateKey()
    var names: [GeneralName] = id.map { [.uniformResourceIdentifier($0)] } ?? []
    names += hosts.map { .dnsName($0) } + addresses.map { .ipAddress(ASN1OctetString(contentBytes: $0[...])) }
    let now = Date()
    let leaf = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(leafKey.publicKey), notValidBefore: now + from,
      notValidAfter: now + to, issuer: name, subject: try DistinguishedName { OrganizationName("SPIRE") },
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try .init {
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth, .clientAuth])
        Critical(BasicConstraints.notCertificateAuthority)
        SubjectAlternativeNames(names)
      }, issuerPrivateKey: .init(key))
    return ServerCertificate(
      certificate: try X509Certificates.der(of: leaf), key: Array(leafKey.derRepresentation))
  }

  package typealias ServerCertificate = TestWebServer.Certificate
}
