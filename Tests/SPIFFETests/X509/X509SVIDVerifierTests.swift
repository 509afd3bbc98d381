import Crypto
import Foundation
import SwiftASN1
import Testing
import X509

@testable import SPIFFE

@Suite("X509-SVID verifier")
struct X509SVIDVerifierTests {
  private typealias CA = TestAuthority

  private func failure(
    _ chain: [[UInt8]], _ roots: [TestAuthority], at date: Date = TestAuthority.inside
  ) throws -> SPIFFEError? {
    let verifier = X509SVIDVerifier(bundle: try Bundle(testing: roots))
    do {
      _ = try verifier.verify(chain: chain, at: date)
      return nil
    } catch { return error }
  }

  @Test("accepts a leaf under an authority, alone and through intermediates in any order")
  func accepted() throws {
    let root = try CA.root()
    let first = try root.intermediate("first")
    let second = try first.intermediate("second")
    let leaf = try second.leaf()
    let verifier = X509SVIDVerifier(bundle: try Bundle(testing: [root]))
    let direct = try verifier.verify(chain: [root.leaf()], at: CA.inside)
    #expect(direct.id.description == "spiffe://example.org/web")
    #expect(direct.chain.count == 2)
    #expect(direct.authority == root.der)
    #expect(direct.expiresAt == CA.end)
    let long = try verifier.verify(chain: [leaf, first.der, second.der], at: CA.inside)
    #expect(long.chain == [leaf, second.der, first.der, root.der])
    #expect(try verifier.verify(chain: [leaf, second.der, first.der, root.der], at: CA.inside).chain.count == 4)
  }

  @Test("trusts an intermediate that is in the bundle")
  func intermediateAnchor() throws {
    let intermediate = try CA.root().intermediate()
    #expect(try failure([intermediate.leaf()], [intermediate]) == nil)
  }

  @Test("tells an unknown authority by its code and text")
  func unknownAuthority() throws {
    let error = try failure([CA.root("root").leaf()], [CA.root("root")])
    #expect(error?.code == .unknownAuthority)
    #expect(error?.message.contains("x509: certificate signed by unknown authority") == true)
    #expect(try failure([CA.root().leaf()], [])?.code == .unknownAuthority)
    let root = try CA.root()
    #expect(try failure([root.leaf(signedBy: P256.Signing.PrivateKey())], [root])?.code == .unknownAuthority)
  }

  @Test("uses the bundle of the leaf's trust domain alone")
  func trustDomains() throws {
    let root = try CA.root()
    let foreign = try root.leaf(uris: ["spiffe://other.org/web"])
    #expect(try failure([foreign], [root])?.code == .unknownTrustDomain)
    let own = try CA.root("own")
    let both = X509SVIDVerifier(bundles: [
      try Bundle(testing: [own]), try Bundle(testing: [root], trustDomain: "other.org"),
    ])
    #expect(try both.verify(chain: [foreign], at: CA.inside).id.trustDomain.name == "other.org")
    #expect(throws: SPIFFEError(.unknownAuthority, "")) { try both.verify(chain: [root.leaf()], at: CA.inside) }
  }

  @Test("tainted authorities still verify; unreadable ones are passed over")
  func tainted() throws {
    let root = try CA.root()
    var bundle = try Bundle(testing: [root])
    bundle.x509Authorities[0].tainted = true
    bundle.x509Authorities.insert(X509Authority(der: [0x30, 0x00]), at: 0)
    #expect(throws: Never.self) { try X509SVIDVerifier(bundle: bundle).verify(chain: [root.leaf()], at: CA.inside) }
  }

  @Test("refuses leaves that break a rule of X509-SVID")
  func leafRules() throws {
    let root = try CA.root()
    let leaves: [(String, [UInt8])] = [
      ("no URI SAN", try root.leaf(uris: [])),
      ("more than one URI SAN", try root.leaf(uris: ["spiffe://example.org/a", "spiffe://example.org/b"])),
      ("more than one URI SAN", try root.leaf(uris: ["spiffe://example.org/a", "https://example.org"])),
      ("scheme is missing", try root.leaf(uris: ["https://example.org/a"])),
      ("no path", try root.leaf(uris: ["spiffe://example.org"])),
      ("trailing slash", try root.leaf(uris: ["spiffe://example.org/"])),
      ("CA flag", try root.leaf(constraints: .isCertificateAuthority(maxPathLength: nil))),
      ("KeyCertSign", try root.leaf(usage: KeyUsage(digitalSignature: true, keyCertSign: true))),
      ("KeyCrlSign", try root.leaf(usage: KeyUsage(digitalSignature: true, cRLSign: true))),
      ("DigitalSignature", try root.leaf(usage: KeyUsage(keyAgreement: true))),
      ("DigitalSignature", try root.leaf(usage: nil)),
    ]
    for (text, leaf) in leaves {
      let error = try failure([leaf], [root])
      #expect(error?.code == .invalidX509SVID, "\(text)")
      #expect(error?.message.contains(text) == true, "\(error?.message ?? "accepted"), not \(text)")
    }
    #expect(try failure([root.leaf(constraints: nil)], [root]) == nil, "absent basicConstraints is no CA")
  }

  @Test("checks the validity of every certificate, ends included")
  func validity() throws {
    let root = try CA.root()
    let leaf = try root.leaf()
    #expect(try failure([leaf], [root], at: CA.start) == nil)
    #expect(try failure([leaf], [root], at: CA.end) == nil)
    #expect(try failure([leaf], [root], at: CA.start.addingTimeInterval(-1))?.code == .expired)
    let late = try failure([leaf], [root], at: CA.end.addingTimeInterval(1))
    #expect(late?.code == .expired)
    #expect(late?.message.contains("x509: certificate has expired or is not yet valid") == true)
    let longer = try root.leaf(notAfter: CA.end.addingTimeInterval(100))
    #expect(try failure([longer], [root], at: CA.end.addingTimeInterval(1))?.code == .expired, "the authority expired")
    for extreme in [
      Date.distantPast, .distantFuture, Date(timeIntervalSince1970: 1e300), Date(timeIntervalSince1970: -1e300),
    ] {
      #expect(try failure([leaf], [root], at: extreme)?.code == .expired)
    }
  }

  @Test("an issuer must be a CA that may sign certificates")
  func issuers() throws {
    let root = try CA.root()
    let plain = try root.intermediate(extensions: [.init(KeyUsage(digitalSignature: true), critical: true)])
    #expect(try failure([plain.leaf(), plain.der], [root])?.code == .invalidPath)
    let noSign = try root.intermediate(extensions: CA.ca(usage: KeyUsage(cRLSign: true)))
    #expect(try failure([noSign.leaf(), noSign.der], [root])?.code == .invalidPath)
    let noUsage = try root.intermediate(extensions: CA.ca(usage: nil))
    #expect(try failure([noUsage.leaf(), noUsage.der], [root]) == nil)
    let svid = try root.leaf()
    let leafAuthority = TestAuthority(
      key: P256.Signing.PrivateKey(), certificate: try X509Certificates.parse(der: svid), name: root.name)
    #expect(try failure([leafAuthority.leaf(), svid], [root])?.code == .unknownAuthority)
  }

  @Test("honours path length constraints")
  func pathLength() throws {
    let root = try CA.root(extensions: CA.ca(pathLength: 1))
    let first = try root.intermediate("first")
    let second = try first.intermediate("second")
    #expect(try failure([first.leaf(), first.der], [root]) == nil)
    #expect(try failure([second.leaf(), second.der, first.der], [root])?.code == .invalidPath)
    let zero = try CA.root(extensions: CA.ca(pathLength: 0))
    #expect(try failure([zero.leaf()], [zero]) == nil)
  }

  @Test("refuses critical extensions that it does not know")
  func criticalExtensions() throws {
    let root = try CA.root()
    let unknown = Certificate.Extension(oid: [1, 2, 3, 4], critical: true, value: [0x05, 0x00])
    let tolerated = Certificate.Extension(oid: [1, 2, 3, 4], critical: false, value: [0x05, 0x00])
    #expect(try failure([root.leaf(more: [unknown])], [root])?.code == .invalidPath)
    #expect(try failure([root.leaf(more: [tolerated])], [root]) == nil)
    let strange = try CA.root(extensions: CA.ca(more: [unknown]))
    #expect(try failure([strange.leaf()], [strange])?.code == .invalidPath)
  }

  @Test(
    "honours URI and DNS name constraints",
    arguments: [
      ("example.org", nil, true), (".example.org", nil, false), (".org", nil, true), ("other.org", nil, false),
      ("EXAMPLE.ORG", nil, true), (nil, "example.org", false), (nil, ".org", false), (nil, "other.org", true),
      ("example.org", "example.org", false),
    ] as [(String?, String?, Bool)])
  func uriConstraints(permitted: String?, excluded: String?, isAccepted: Bool) throws {
    let constraints = NameConstraints(
      permittedURIDomains: permitted.map { [$0] } ?? [], forbiddenURIDomains: excluded.map { [$0] } ?? [])
    let root = try CA.root(extensions: CA.ca(more: [.init(constraints, critical: true)]))
    #expect(try (failure([root.leaf()], [root]) == nil) == isAccepted)
    let intermediate = try root.intermediate()
    #expect(try (failure([intermediate.leaf(), intermediate.der], [root]) == nil) == isAccepted)
  }

  @Test("refuses names of kinds whose constraints it does not evaluate")
  func otherConstraints() throws {
    let byAddress = NameConstraints(permittedIPRanges: [ASN1OctetString(contentBytes: [10, 0, 0, 0, 255, 0, 0, 0])])
    let root = try CA.root(extensions: CA.ca(more: [.init(byAddress, critical: true)]))
    #expect(try failure([root.leaf()], [root]) == nil, "a SPIFFE ID is no IP address")
    let directory = NameConstraints(excludedSubtrees: [.directoryName(try DistinguishedName { CommonName("x") })])
    let named = try CA.root(extensions: CA.ca(more: [.init(directory, critical: true)]))
    #expect(try failure([named.leaf()], [named])?.code == .invalidPath)
  }

  @Test("looks at bounded chains only")
  func bounds() throws {
    var authority = try CA.root()
    let root = authority
    var chain: [[UInt8]] = []
    for index in 0..<8 {
      authority = try authority.intermediate("intermediate \(index)")
      chain.insert(authority.der, at: 0)
    }
    #expect(try failure([authority.leaf()] + chain, [root]) == nil, "ten certificates with the root")
    authority = try authority.intermediate("one more")
    #expect(try failure([authority.leaf(), authority.der] + chain, [root])?.code == .chainTooLong)
    #expect(try failure([[UInt8]](repeating: root.leaf(), count: 11), [root])?.code == .chainTooLong)
    #expect(try failure([[UInt8](repeating: 0x30, count: 200_000)], [root])?.code == .chainTooLong)
    #expect(try failure([], [root])?.code == .invalidX509SVID)
    #expect(try failure([[]], [root])?.code == .malformedCertificate)
  }

  @Test("stops checking signatures when the budget is spent")
  func budget() throws {
    let real = try CA.root("same")
    let decoys = try (0..<X509PathBuilder.maximumSignatureChecks).map { _ in try CA.root("same") }
    #expect(try failure([real.leaf()], decoys + [real])?.code == .unknownAuthority)
    #expect(try failure([real.leaf()], Array(decoys.dropLast()) + [real]) == nil)
  }

  @Test("the key identifier finds the right one of many authorities with one name")
  func keyIdentifier() throws {
    func identified(_ authority: TestAuthority) throws -> [UInt8] {
      Array(SubjectKeyIdentifier(hash: authority.certificate.publicKey).keyIdentifier)
    }
    let decoys = try (0..<100).map { _ in try CA.root("same") }
    let key = P256.Signing.PrivateKey()
    let name = try DistinguishedName { CommonName("same") }
    let identifier = SubjectKeyIdentifier(hash: Certificate.PublicKey(key.publicKey))
    let certificate = try CA.make(
      subject: name, publicKey: key.publicKey, issuer: name, issuerKey: key,
      extensions: CA.ca(more: [.init(identifier, critical: false)]))
    let real = TestAuthority(key: key, certificate: certificate, name: name)
    let hint = try Certificate.Extension(
      AuthorityKeyIdentifier(keyIdentifier: identifier.keyIdentifier), critical: false)
    #expect(try failure([real.leaf(more: [hint])], decoys + [real]) == nil)
    #expect(try identified(real) == X509Certificates.subjectKeyIdentifier(of: certificate))
  }
}
