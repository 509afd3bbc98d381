import Crypto
import Foundation
import Keys
import SPIFFE
import SwiftASN1
import X509

@testable import Agent

/// Foundation has a type of this name too.
typealias Bundle = SPIFFE.Bundle

/// A small certificate authority: signs X509-SVIDs and JWT-SVIDs as a SPIRE server does.
final class TestCA: Sendable {
  let trustDomain: TrustDomain
  let key: P256.Signing.PrivateKey
  let certificate: Certificate
  let jwtKeyID: String
  let witKeyID: String

  init(_ name: String = "example.org", now: Date, lifetime: TimeInterval = 365 * 86400) throws {
    trustDomain = try TrustDomain(name)
    let key = P256.Signing.PrivateKey()
    self.key = key
    jwtKeyID = UUID().uuidString
    witKeyID = UUID().uuidString
    let subject = try DistinguishedName {
      CountryName("US")
      CommonName(UUID().uuidString)
    }
    let extensions = try Certificate.Extensions {
      Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
      Critical(KeyUsage(keyCertSign: true, cRLSign: true))
      SubjectKeyIdentifier(keyIdentifier: Self.identifier(key)[...])
      SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://\(name)")])
    }
    certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: now - 60,
      notValidAfter: now + lifetime, issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: extensions, issuerPrivateKey: .init(key))
  }

  private static func identifier(_ key: P256.Signing.PrivateKey) -> [UInt8] {
    Array(Insecure.SHA1.hash(data: key.publicKey.x963Representation))
  }

  var der: [UInt8] { (try? X509Certificates.der(of: certificate)) ?? [] }

  func bundle(tainted: Bool = false) -> Bundle {
    Bundle(
      trustDomain: trustDomain, x509Authorities: [X509Authority(der: der, tainted: tainted)],
      jwtAuthorities: [
        JWTAuthority(publicKey: Array(key.publicKey.derRepresentation), keyID: jwtKeyID, tainted: tainted)
      ],
      witAuthorities: [
        JWTAuthority(publicKey: Array(key.publicKey.derRepresentation), keyID: witKeyID, tainted: tainted)
      ])
  }

  /// A leaf for the key of a request.
  func sign(csr: [UInt8], id: SPIFFEID, now: Date, lifetime: TimeInterval) throws -> [[UInt8]] {
    let request = try CertificateSigningRequest(derEncoded: csr)
    return try sign(publicKey: request.publicKey, id: id, now: now, lifetime: lifetime)
  }

  func sign(publicKey: Certificate.PublicKey, id: SPIFFEID, now: Date, lifetime: TimeInterval) throws -> [[UInt8]] {
    let certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: publicKey, notValidBefore: now - 10,
      notValidAfter: now + lifetime, issuer: certificate.subject,
      subject: DistinguishedName {
        CountryName("US")
        OrganizationName("SPIRE")
      }, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(KeyUsage(digitalSignature: true))
        Critical(BasicConstraints.notCertificateAuthority)
        AuthorityKeyIdentifier(keyIdentifier: Self.identifier(key)[...])
        SubjectAlternativeNames([.uniformResourceIdentifier(id.description)])
      }, issuerPrivateKey: .init(key))
    return [try X509Certificates.der(of: certificate)]
  }

  /// A JWT-SVID as text; `claims` replace or add to the usual ones.
  func jwt(
    _ id: SPIFFEID, audience: [String], now: Date, lifetime: TimeInterval, claims: [String: JSONValue] = [:],
    header: String? = nil
  ) throws -> String {
    var payload: JSONObject = [
      "aud": .array(audience.map { .string($0) }), "exp": .int(Int64(now.timeIntervalSince1970 + lifetime)),
      "iat": .int(Int64(now.timeIntervalSince1970)), "sub": .string(id.description),
    ]
    for (name, value) in claims { payload[name] = value }
    return try sign(payload, header: header ?? #"{"alg":"ES256","kid":"\#(jwtKeyID)","typ":"JWT"}"#)
  }

  /// A WIT-SVID as text.
  func wit(
    _ id: SPIFFEID, publicKey: [UInt8], algorithm: JWSAlgorithm, now: Date, lifetime: TimeInterval
  ) throws -> String {
    let claims = WITSVIDEncoder.claims(
      subject: id, confirmationKey: try PublicKey(pkix: publicKey), algorithm: algorithm,
      expiresAt: Int64(now.timeIntervalSince1970 + lifetime), issuedAt: Int64(now.timeIntervalSince1970))
    return try sign(claims, header: #"{"alg":"ES256","kid":"\#(witKeyID)","typ":"wit+jwt"}"#)
  }

  private func sign(_ payload: JSONObject, header head: String) throws -> String {
    let input = Base64.encodeURL(Array(head.utf8)) + "." + Base64.encodeURL(JSONValue.object(payload).encoded())
    let signature = try key.signature(for: Data(input.utf8)).rawRepresentation
    return input + "." + Base64.encodeURL(Array(signature))
  }

  /// An X509-SVID of an entry with a key of its own.
  func svid(
    _ entry: AgentEntry, now: Date, lifetime: TimeInterval = 3600, policy: RotationPolicy = RotationPolicy(),
    random: Randomness = .fixed(0.5)
  ) throws -> WorkloadSVID {
    let key = try SoftwareKey(generating: .ecP256)
    let csr = try CertificateRequest.makeNow(key: key, id: entry.spiffeID)
    return try WorkloadSVID(
      entry: entry, chain: sign(csr: csr, id: entry.spiffeID, now: now, lifetime: lifetime),
      publicKey: key.publicKey.pkix, privateKey: key.pkcs8, policy: policy, random: random)
  }
}
