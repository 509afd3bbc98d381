import Crypto
import Foundation
import SPIFFE
import SwiftASN1
import X509

/// Foundation has a type of this name too.
typealias Bundle = SPIFFE.Bundle

/// A certificate authority for tests: makes certificates that keep or break single rules.
struct TestAuthority {
  let key: P256.Signing.PrivateKey
  let certificate: Certificate
  let name: DistinguishedName

  static let start = Date(timeIntervalSince1970: 1_800_000_000)
  static let end = start.addingTimeInterval(3600)
  static let inside = start.addingTimeInterval(60)

  var der: [UInt8] { (try? X509Certificates.der(of: certificate)) ?? [] }

  static func root(_ common: String = "root", extensions: [Certificate.Extension]? = nil) throws -> TestAuthority {
    let key = P256.Signing.PrivateKey()
    let name = try DistinguishedName { CommonName(common) }
    let certificate = try make(
      subject: name, publicKey: key.publicKey, issuer: name, issuerKey: key, extensions: extensions ?? ca())
    return TestAuthority(key: key, certificate: certificate, name: name)
  }

  func intermediate(_ common: String = "intermediate", extensions: [Certificate.Extension]? = nil) throws
    -> TestAuthority
  {
    let key = P256.Signing.PrivateKey()
    let subject = try DistinguishedName { CommonName(common) }
    let certificate = try Self.make(
      subject: subject, publicKey: key.publicKey, issuer: name, issuerKey: self.key,
      extensions: extensions ?? Self.ca())
    return TestAuthority(key: key, certificate: certificate, name: subject)
  }

  /// A leaf as SPIRE makes it, with the given differences.
  func leaf(
    uris: [String] = ["spiffe://example.org/web"], usage: KeyUsage? = KeyUsage(digitalSignature: true),
    constraints: BasicConstraints? = .notCertificateAuthority, more: [Certificate.Extension] = [],
    notBefore: Date = start, notAfter: Date = end, signedBy other: P256.Signing.PrivateKey? = nil
  ) throws -> [UInt8] {
    var extensions: [Certificate.Extension] = more
    if let usage { extensions.append(try .init(usage, critical: true)) }
    if let constraints { extensions.append(try .init(constraints, critical: true)) }
    if !uris.isEmpty {
      extensions.append(
        try .init(SubjectAlternativeNames(uris.map { .uniformResourceIdentifier($0) }), critical: false))
    }
    let certificate = try Self.make(
      subject: DistinguishedName { OrganizationName("SPIRE") }, publicKey: P256.Signing.PrivateKey().publicKey,
      issuer: name, issuerKey: other ?? key, extensions: extensions, notBefore: notBefore, notAfter: notAfter)
    return try X509Certificates.der(of: certificate)
  }

  static func ca(
    pathLength: Int? = nil, usage: KeyUsage? = KeyUsage(keyCertSign: true, cRLSign: true),
    more: [Certificate.Extension] = []
  ) throws -> [Certificate.Extension] {
    var extensions = more
    extensions.append(try .init(BasicConstraints.isCertificateAuthority(maxPathLength: pathLength), critical: true))
    if let usage { extensions.append(try .init(usage, critical: true)) }
    return extensions
  }

  static func make(
    subject: DistinguishedName, publicKey: P256.Signing.PublicKey, issuer: DistinguishedName,
    issuerKey: P256.Signing.PrivateKey, extensions: [Certificate.Extension], notBefore: Date = start,
    notAfter: Date = end
  ) throws -> Certificate {
    try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(publicKey), notValidBefore: notBefore,
      notValidAfter: notAfter, issuer: issuer, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions(extensions), issuerPrivateKey: .init(issuerKey))
  }
}

extension Bundle {
  /// A bundle of `example.org` with the given authorities.
  init(testing authorities: [TestAuthority], trustDomain: String = "example.org") throws {
    self.init(
      trustDomain: try TrustDomain(trustDomain), x509Authorities: authorities.map { X509Authority(der: $0.der) })
  }
}
