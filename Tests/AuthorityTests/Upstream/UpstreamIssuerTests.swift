import Foundation
import Keys
import SPIFFE
import Testing

@testable import Authority

/// What a company's CA signs, and which files are refused.
@Suite struct UpstreamIssuerTests {
  private func request(_ subject: DistinguishedName = .authority, uris: [String]? = nil) async throws -> [UInt8] {
    let key = try SoftwareKey(generating: .ecP256)
    let now = TemplateBuilder.seconds(Recorded.now)
    var template = X509Template(
      purpose: .authority(Fixture.trustDomain), serialNumber: 1, subject: subject, publicKey: key.publicKey,
      notBefore: now, notAfter: now + 60)
    if let uris { template.uris = uris }
    return try await CSREncoder(template: template, key: key).encoded()
  }

  private func failure(_ body: () async throws -> Void) async -> String? {
    do {
      try await body()
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func requestsAreReadableAndProveTheirKey() async throws {
    let csr = try CSR(der: try await request(DistinguishedName(country: ["DE"], commonName: "ä")))
    try csr.verifySignature()
    #expect(csr.uris == ["spiffe://example.org"])
    #expect(csr.subject.commonName == "ä" && csr.subject.country == ["DE"])
  }

  @Test(.enabled(if: OpenSSLTests.hasOpenSSL, "openssl is not installed"))
  func opensslReadsARequest() async throws {
    let pem = PEM.encode(try await request(), type: "CERTIFICATE REQUEST")
    let (status, text) = try OpenSSLTests.run(["openssl", "req", "-verify", "-noout", "-text"], input: pem)
    #expect(status == 0, "\(text)")
    #expect(text.contains("URI:spiffe://example.org"))
  }

  @Test func aSelfSignedCASignsAndIsTheRoot() async throws {
    let root = try await UpstreamPKI.root("Root")
    let issuer = try root.issuer(bundle: nil)
    let csr = try await request(DistinguishedName(organization: ["Ours"]))
    let minted = try await issuer.mintX509CA(csr: csr, ttl: .seconds(7200), now: Recorded.now)
    #expect(minted.chain.count == 1)
    #expect(minted.roots == [X509Authority(der: root.certificate)])
    let fields = try CertificateFields(der: minted.chain[0])
    #expect(Hex.encode(fields.authorityKeyID) == root.keyID)
    #expect(fields.notAfter == TemplateBuilder.seconds(Recorded.now) + 7200)
    #expect(fields.notBefore == TemplateBuilder.seconds(Recorded.now) - 10)
    #expect(Array(fields.rawSubject) == (try CSR(der: csr)).rawSubject)
    try X509Certificates.verifyAuthority(chain: minted.chain, roots: [root.certificate], at: Recorded.now)
  }

  @Test func lifetimesHaveADefaultAndAnEnd() async throws {
    let root = try await UpstreamPKI.root("Root", hours: 2)
    let issuer = try root.issuer(bundle: nil)
    let now = TemplateBuilder.seconds(Recorded.now)
    for (ttl, expected) in [(Duration.zero, now + 3600), (.seconds(86_400), now + 7200)] {
      let minted = try await issuer.mintX509CA(csr: try await request(), ttl: ttl, now: Recorded.now)
      #expect(try CertificateFields(der: minted.chain[0]).notAfter == expected)
    }
  }

  @Test func anIntermediateBringsItsChain() async throws {
    let root = try await UpstreamPKI.root("Root", type: .rsa2048)
    let middle = try await root.intermediate("Middle")
    let low = try await middle.intermediate("Low")
    let issuer = try low.issuer(chain: [low.certificate, middle.certificate], bundle: [root.certificate])
    let minted = try await issuer.mintX509CA(csr: try await request(), ttl: .seconds(60), now: Recorded.now)
    #expect(Array(minted.chain.dropFirst()) == [low.certificate, middle.certificate])
    try X509Certificates.verifyAuthority(chain: minted.chain, roots: [root.certificate], at: Recorded.now)
  }

  @Test func partsThatDoNotFitAreRefused() async throws {
    let root = try await UpstreamPKI.root("Root")
    let other = try await UpstreamPKI.root("Other")
    let low = try await root.intermediate("Low")
    let short = try await UpstreamPKI.root("Short", hours: 1)
    let fixture = Fixture()
    _ = try await fixture.start()
    let leaf = try await fixture.authority.issueX509SVID(
      X509SVIDRequest(id: Fixture.id("/w"), publicKey: other.key.publicKey)
    ).chain[0]
    let later = Recorded.now.addingTimeInterval(2 * 3600)
    let rows: [(() throws -> UpstreamIssuer, String)] = [
      ({ try root.issuer(key: other.key, bundle: nil) }, "certificate and private key do not match"),
      ({ try low.issuer(bundle: nil) }, "with no bundle_file_path configured only self-signed CAs are supported"),
      (
        { try low.issuer(chain: [low.certificate, root.certificate], bundle: nil) },
        "with no bundle_file_path configured only self-signed CAs are supported"
      ),
      ({ try low.issuer(bundle: [other.certificate]) }, "signed by unknown authority"),
      ({ try root.issuer(bundle: []) }, "the bundle has no certificate"),
      ({ try root.issuer(chain: [], bundle: nil) }, "no certificate found"),
      ({ try root.issuer(chain: [[1, 2, 3]], bundle: nil) }, "malformed certificate"),
      ({ try root.issuer(bundle: [[1, 2, 3]]) }, "malformed"),
      ({ try short.issuer(bundle: nil, at: later) }, "expired"),
      ({ try other.issuer(chain: [leaf], bundle: [fixture.bundle.x509Authorities[0].der]) }, "not authorized to sign"),
    ]
    for (make, text) in rows {
      let found = await failure { _ = try make() }
      #expect(found?.contains(text) == true, "\(String(describing: found)) for \(text)")
    }
  }

  @Test func requestsForOtherNamesAreRefused() async throws {
    let issuer = try await UpstreamPKI.root("Root").issuer(bundle: nil)
    let bad = [[], ["spiffe://other.org"], ["spiffe://example.org", "spiffe://example.org/x"]]
    for uris in bad {
      let csr = try await request(uris: uris)
      let text = await failure { _ = try await issuer.mintX509CA(csr: csr, ttl: .zero, now: Recorded.now) }
      #expect(text?.hasPrefix("certificate request must have the URI \"spiffe://example.org\"") == true)
    }
    var forged = try await request()
    forged[forged.count - 1] ^= 1
    let text = await failure { _ = try await issuer.mintX509CA(csr: forged, ttl: .zero, now: Recorded.now) }
    #expect(text?.contains("signature does not match") == true || text?.contains("malformed") == true)
  }
}
