import Foundation
import Keys
import SPIFFE
import Testing

@testable import Authority

/// The certificates of the established implementation, made again from their meaning: every signed byte is the same.
@Suite struct RecordedCertificateTests {
  /// The part of a certificate that is signed.
  static func signedPart(_ certificate: [UInt8]) throws -> [UInt8] {
    var outer = DERReader(certificate[...])
    let found = outer.inside(DERTag.sequence)
    var inside = try #require(found)
    let signed = inside.next(DERTag.sequence)
    return Array(try #require(signed).encoded)
  }

  static func key(_ id: String) throws -> any ManagedKey {
    struct File: Decodable { let keys: [String: String] }
    let file = try JSONDecoder().decode(File.self, from: Data(Recorded.serverKeys.utf8))
    return try SoftwareKey(pkcs8: Recorded.bytes(try #require(file.keys[id])), id: id)
  }

  static func serial(_ fields: CertificateFields) -> UInt128 {
    fields.serialNumber.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
  }

  @Test(arguments: [
    ("x509-CA-A", Recorded.caA, Recorded.activeX509), ("x509-CA-B", Recorded.caB, Recorded.preparedX509),
  ])
  func selfSignedCA(_ keyID: String, _ recorded: [UInt8], _ authorityID: String) async throws {
    let fields = try CertificateFields(der: recorded)
    let key = try Self.key(keyID)
    let serial = Self.serial(fields)
    let builder = TemplateBuilder(
      configuration: CredentialConfiguration(trustDomain: Fixture.trustDomain),
      random: FixedRandom(content: (0..<16).map { UInt8(truncatingIfNeeded: serial >> UInt128(120 - 8 * $0)) }))
    // Prepared ten seconds after its NotBefore.
    let now = Date(timeIntervalSince1970: Double(fields.notBefore + 10))
    let template = try await builder.selfSignedCA(publicKey: key.publicKey, now: now)
    let issuer = X509Issuer(rawName: template.subject.encoded, keyID: nil, key: key)
    let tbs = CertificateEncoder(issuer: issuer, algorithm: CertificateSignature(key: .ecP256))
      .tbsCertificate(template, subjectKeyID: key.publicKey.subjectKeyIdentifier)
    #expect(tbs == (try Self.signedPart(recorded)))
    let signed = try await X509Signer(issuer: issuer).sign(
      try ValidatedTemplate(template, at: TemplateBuilder.seconds(now)))
    #expect(try Self.signedPart(signed.der) == tbs)
    #expect(try X509CA(certificate: recorded, key: key, issuedAt: now).authorityID == authorityID)
  }

  @Test(arguments: [("/m", Recorded.minted, []), ("/web", Recorded.web, ["web.example.org", "www.example.org"])])
  func workloadSVID(_ path: String, _ recorded: [UInt8], _ dnsNames: [String]) async throws {
    let fields = try CertificateFields(der: recorded)
    let serial = Self.serial(fields)
    let ca = try X509CA(certificate: Recorded.caA, key: try Self.key("x509-CA-A"), issuedAt: Recorded.now)
    let builder = TemplateBuilder(
      configuration: CredentialConfiguration(trustDomain: Fixture.trustDomain),
      random: FixedRandom(content: (0..<16).map { UInt8(truncatingIfNeeded: serial >> UInt128(120 - 8 * $0)) }))
    let request = X509SVIDRequest(
      id: Fixture.id(path), publicKey: try PublicKey(pkix: Array(fields.publicKey)), dnsNames: dnsNames,
      ttl: .seconds(fields.notAfter - fields.notBefore - 10))
    let template = try await builder.workloadSVID(
      request, issuer: ca, now: Date(timeIntervalSince1970: Double(fields.notBefore + 10)))
    let tbs = CertificateEncoder(issuer: ca.issuer, algorithm: CertificateSignature(key: .ecP256))
      .tbsCertificate(template, subjectKeyID: request.publicKey.subjectKeyIdentifier)
    #expect(tbs == (try Self.signedPart(recorded)))
  }

  @Test func jwtSVID() async throws {
    let issuedAt = Date(timeIntervalSince1970: 1_795_291_850.4)
    let builder = TemplateBuilder(
      configuration: CredentialConfiguration(
        trustDomain: Fixture.trustDomain, jwtIssuer: "https://oidc.example.org"),
      random: SystemRandom())
    let key = JWTKey(
      key: try Self.key("JWT-Signer-A"), keyID: Recorded.activeJWT, issuedAt: issuedAt,
      expiresAt: issuedAt.addingTimeInterval(86_400))
    let made = try await builder.claims(
      JWTSVIDRequest(id: Fixture.id("/admin"), audience: ["db"]), key: key, now: issuedAt)
    let token = try await JWTSigner(key: key).sign(
      try ValidatedClaims(made.claims, id: Fixture.id("/admin"), at: made.issuedAt))
    let parts = token.split(separator: ".")
    let recorded = Recorded.jwt.split(separator: ".")
    #expect(parts[0] == recorded[0])
    #expect(parts[1] == recorded[1])
    #expect(parts[2].count == recorded[2].count)
    // Both signatures are the same key's.
    for text in [token, Recorded.jwt] {
      #expect(try CompactJWS(parsing: text).isSigned(by: key.key.publicKey))
    }
  }
}
