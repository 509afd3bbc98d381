import Crypto
import Daemon
import Foundation
import SPIFFE
import Testing
import X509

@testable import Authority

@Suite struct IssuanceTests {
  static func started(
    _ change: (inout CredentialConfiguration) -> Void = { _ in }
  ) async throws -> (Fixture, CertificateAuthority) {
    var configuration = CredentialConfiguration(trustDomain: Fixture.trustDomain)
    change(&configuration)
    let fixture = Fixture(configuration)
    _ = try await fixture.start()
    return (fixture, fixture.authority)
  }

  static func certificate(_ issued: IssuedX509SVID) throws -> Certificate {
    try X509Certificates.parse(der: issued.chain[0])
  }

  @Test func aWorkloadsSVIDHasItsProfile() async throws {
    let (fixture, authority) = try await Self.started()
    let key = Fixture.workloadKey()
    let issued = try await authority.issueX509SVID(
      X509SVIDRequest(id: Fixture.id("/w"), publicKey: key, dnsNames: ["a.test", "*.b.test"], ttl: .seconds(60)))
    let certificate = try Self.certificate(issued)
    #expect(issued.chain.count == 1)
    #expect(certificate.notValidBefore == Recorded.now.addingTimeInterval(-10))
    #expect(certificate.notValidAfter == Recorded.now.addingTimeInterval(60))
    #expect(issued.expiresAt == Int64(Recorded.now.timeIntervalSince1970) + 60)
    #expect(issued.serialNumber == X509Certificates.serialNumber(of: certificate))
    #expect(certificate.subject.description == "CN=a.test,O=SPIRE,C=US")
    #expect(try X509Certificates.dnsNames(of: certificate) == ["a.test", "*.b.test"])
    #expect(try X509Certificates.uriNames(of: certificate) == ["spiffe://example.org/w"])
    #expect(
      certificate.extensions.map { "\($0.oid) \($0.critical)" } == [
        "2.5.29.15 true", "2.5.29.37 false", "2.5.29.19 true", "2.5.29.14 false", "2.5.29.35 false",
        "2.5.29.17 false",
      ])
    #expect(X509Certificates.subjectKeyIdentifier(of: certificate) == key.subjectKeyIdentifier)
    #expect(try X509SVIDVerifier(bundle: fixture.bundle).verify(chain: issued.chain, at: Recorded.now).id == issued.id)
  }

  @Test func lifetimesFollowTheRules() async throws {
    let (_, authority) = try await Self.started {
      $0.x509SVIDTTL = .seconds(100)
      $0.agentTTL = .seconds(200)
      $0.jwtSVIDTTL = .seconds(300)
      $0.caTTL = .seconds(1000)
    }
    let now = Int64(Recorded.now.timeIntervalSince1970)
    let key = Fixture.workloadKey()
    func workload(_ ttl: Duration?) async throws -> Int64 {
      try await authority.issueX509SVID(X509SVIDRequest(id: Fixture.id("/w"), publicKey: key, ttl: ttl)).expiresAt - now
    }
    #expect(try await workload(nil) == 100)
    #expect(try await workload(.zero) == 100)
    #expect(try await workload(.seconds(-5)) == 100)
    #expect(try await workload(.seconds(7)) == 7)
    // Capped by the CA, and never an error, however long.
    #expect(try await workload(.seconds(1001)) == 1000)
    #expect(try await workload(.seconds(Int64.max / 2)) == 1000)
    #expect(try await authority.issueServerSVID(publicKey: key).expiresAt - now == 100)
    #expect(
      try await authority.issueAgentSVID(id: Fixture.id("/spire/agent/x"), publicKey: key).expiresAt - now == 200)
    #expect(try await authority.issueDownstreamCA(publicKey: key).expiresAt - now == 1000)
    #expect(try await authority.issueDownstreamCA(publicKey: key, ttl: .seconds(5)).expiresAt - now == 5)
    func jwt(_ ttl: Duration?) async throws -> Int64 {
      try await authority.issueJWTSVID(JWTSVIDRequest(id: Fixture.id("/w"), audience: ["a"], ttl: ttl)).expiresAt - now
    }
    #expect(try await jwt(nil) == 300)
    #expect(try await jwt(.seconds(2000)) == 1000)
  }

  @Test func nothingIsSignedWithAnExpiredAuthority() async throws {
    let (fixture, authority) = try await Self.started()
    fixture.time.advance(by: .seconds(86_401))
    let x509 = await #expect(throws: AuthorityError.self) {
      try await authority.issueX509SVID(X509SVIDRequest(id: Fixture.id("/w"), publicKey: Fixture.workloadKey()))
    }
    #expect(x509?.message == "invalid X509-SVID: already expired as of 2026-11-22T20:30:00Z")
    let jwt = await #expect(throws: AuthorityError.self) {
      try await authority.issueJWTSVID(JWTSVIDRequest(id: Fixture.id("/w"), audience: ["a"]))
    }
    #expect(jwt?.message == "invalid JWT-SVID: token has already expired")
  }

  @Test func onlyIDsOfTheTrustDomainAreIssued() async throws {
    let (_, authority) = try await Self.started()
    let foreign = try SPIFFEID("spiffe://other.org/x")
    let key = Fixture.workloadKey()
    let error = await #expect(throws: AuthorityError.self) {
      try await authority.issueX509SVID(X509SVIDRequest(id: foreign, publicKey: key))
    }
    #expect(
      error?.message
        == "invalid X509-SVID ID: \"spiffe://other.org/x\" is not a member of trust domain \"example.org\"")
    await #expect(throws: AuthorityError.self) { try await authority.issueAgentSVID(id: foreign, publicKey: key) }
    await #expect(throws: AuthorityError.self) {
      try await authority.issueX509SVID(X509SVIDRequest(id: Fixture.trustDomain.id, publicKey: key))
    }
    let jwt = await #expect(throws: AuthorityError.self) {
      try await authority.issueJWTSVID(JWTSVIDRequest(id: foreign, audience: ["a"]))
    }
    #expect(jwt?.message.hasPrefix("invalid JWT-SVID ID: ") == true)
  }

  @Test func aRequestedSubjectIsUsedWithTheFirstDNSName() async throws {
    let (_, authority) = try await Self.started()
    let subject = Authority.DistinguishedName(organization: ["Acme"], commonName: "old")
    func subjectOf(_ dnsNames: [String], _ subject: Authority.DistinguishedName?) async throws -> String {
      let issued = try await authority.issueX509SVID(
        X509SVIDRequest(
          id: Fixture.id("/w"), publicKey: Fixture.workloadKey(), dnsNames: dnsNames, subject: subject))
      return try Self.certificate(issued).subject.description
    }
    #expect(try await subjectOf([], subject) == "CN=old,O=Acme")
    #expect(try await subjectOf(["new.test"], subject) == "CN=new.test,O=Acme")
    #expect(try await subjectOf([], Authority.DistinguishedName()) == "O=SPIRE,C=US")
  }

  @Test func aDownstreamCAIsBelowThisOne() async throws {
    let (fixture, authority) = try await Self.started()
    let key = P256.Signing.PrivateKey()
    let issued = try await authority.issueDownstreamCA(publicKey: PublicKey(key.publicKey))
    let certificate = try Self.certificate(issued)
    let root = try X509Certificates.parse(der: fixture.bundle.x509Authorities[0].der)
    let serial = X509Certificates.serialNumber(of: root)
    #expect(issued.subject.description == "SERIALNUMBER=\(serial),OU=DOWNSTREAM-1,O=SPIFFE,C=US")
    #expect(certificate.issuer == root.subject)
    #expect(
      certificate.extensions.map { "\($0.oid) \($0.critical)" } == [
        "2.5.29.15 true", "2.5.29.19 true", "2.5.29.14 false", "2.5.29.35 false", "2.5.29.17 false",
      ])
    #expect(try X509Certificates.uriNames(of: certificate) == ["spiffe://example.org"])
    #expect(
      X509Certificates.authorityKeyIdentifier(of: certificate) == X509Certificates.subjectKeyIdentifier(of: root))
    #expect(fixture.counters["server_ca.sign.x509_ca_svid"] == 1)

    // A leaf of that CA verifies over the chain.
    let downstream = CertificateAuthority(
      configuration: authority.configuration, time: fixture.time, metrics: .none)
    downstream.activate(
      try X509CA(
        certificate: issued.chain[0], upstreamChain: issued.chain,
        key: try SoftwareKeyFixture.key(key), issuedAt: Recorded.now))
    let leaf = try await downstream.issueX509SVID(
      X509SVIDRequest(id: Fixture.id("/w"), publicKey: Fixture.workloadKey()))
    #expect(leaf.chain.count == 2)
    #expect(try X509SVIDVerifier(bundle: fixture.bundle).verify(chain: leaf.chain, at: Recorded.now).id == leaf.id)
    #expect(
      try await downstream.issueDownstreamCA(publicKey: Fixture.workloadKey()).subject.organizationalUnit
        == ["DOWNSTREAM-1"])
  }

  @Test func jwtClaims() async throws {
    let (_, authority) = try await Self.started { $0.jwtIssuer = "https://issuer" }
    let issued = try await authority.issueJWTSVID(
      JWTSVIDRequest(id: Fixture.id("/w"), audience: ["", "b", "a", ""], includesJTI: true))
    let token = try UnverifiedJWTSVID(parsing: issued.token)
    #expect(token.audience == ["b", "a"])
    #expect(token.claims["iss"]?.string == "https://issuer")
    let jti = try Base64.decodeURL(try #require(token.claims["jti"]?.string))
    #expect(jti.count == 16 && jti[6] >> 4 == 4 && jti[8] >> 6 == 2)
    #expect(token.claims.members.map(\.name) == ["aud", "exp", "iat", "iss", "jti", "sub"])
    let empty = await #expect(throws: AuthorityError.self) {
      try await authority.issueJWTSVID(JWTSVIDRequest(id: Fixture.id("/w"), audience: [""]))
    }
    #expect(empty?.message == "invalid JWT-SVID audience: cannot be empty")
  }

  @Test func serialNumbersAreUniqueAndPositive() async throws {
    let (_, authority) = try await Self.started()
    var seen: Set<String> = []
    for _ in 0..<200 {
      let issued = try await authority.issueX509SVID(
        X509SVIDRequest(id: Fixture.id("/w"), publicKey: Fixture.workloadKey()))
      seen.insert(issued.serialNumber)
    }
    #expect(seen.count == 200)
    #expect(FixedRandom(content: [0xFF]).serialNumber() == UInt128.max)
  }
}
