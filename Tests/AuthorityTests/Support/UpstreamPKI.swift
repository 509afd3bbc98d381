import Crypto
import Foundation
import Keys
import SPIFFE
import Synchronization

@testable import Authority

/// A company's CA for tests: a certificate with its key, and what it signs.
struct UpstreamPKI: Sendable {
  let certificate: [UInt8]
  let key: SoftwareKey

  var keyID: String { Hex.encode(try! CertificateFields(der: certificate).subjectKeyID) }

  private init(certificate: [UInt8], key: SoftwareKey) {
    self.certificate = certificate
    self.key = key
  }

  /// A root of its own.
  static func root(_ name: String, type: KeyType = .ecP256, hours: Double = 48) async throws -> UpstreamPKI {
    let key = try SoftwareKey(generating: type)
    let issuer = X509Issuer(rawName: Self.name(name).encoded, keyID: nil, key: key)
    return UpstreamPKI(certificate: try await sign(name, key.publicKey, issuer, hours), key: key)
  }

  /// A CA below this one.
  func intermediate(_ name: String, hours: Double = 48) async throws -> UpstreamPKI {
    let key = try SoftwareKey(generating: .ecP256)
    let own = try X509CA(certificate: certificate, key: self.key, issuedAt: Recorded.now)
    return UpstreamPKI(certificate: try await Self.sign(name, key.publicKey, own.issuer, hours), key: key)
  }

  private static func name(_ text: String) -> DistinguishedName {
    DistinguishedName(organization: ["Company"], commonName: text)
  }

  private static func sign(
    _ name: String, _ publicKey: PublicKey, _ issuer: X509Issuer, _ hours: Double
  ) async throws -> [UInt8] {
    let now = TemplateBuilder.seconds(Recorded.now)
    var template = X509Template(
      purpose: .authority(Fixture.trustDomain), serialNumber: UInt128(UInt64.random(in: 1 ... .max)),
      subject: Self.name(name), publicKey: publicKey, notBefore: now - 3600, notAfter: now + Int64(hours * 3600))
    template.uris = []
    return try await X509Signer(issuer: issuer).sign(try ValidatedTemplate(template, at: now)).der
  }

  func issuer(
    chain: [[UInt8]]? = nil, key: SoftwareKey? = nil, bundle: [[UInt8]]?, at now: Date = Recorded.now
  ) throws(AuthorityError) -> UpstreamIssuer {
    try UpstreamIssuer(
      certificates: chain ?? [certificate], privateKey: (key ?? self.key).pkcs8, bundle: bundle,
      trustDomain: Fixture.trustDomain, now: now)
  }
}

/// An upstream authority in memory that signs for real, with faults on demand.
final class TestUpstream: UpstreamCA {
  struct State {
    var issuer: UpstreamIssuer
    var roots: [X509Authority]?
    var keys: [JWTAuthority]?
    var failure: AuthorityError?
    var mints = 0
    var ttls: [Duration] = []
  }
  let state: Mutex<State>
  let time: @Sendable () -> Date

  init(_ issuer: UpstreamIssuer, time: @escaping @Sendable () -> Date) {
    state = Mutex(State(issuer: issuer))
    self.time = time
  }

  func mintX509CA(csr: [UInt8], ttl: Duration) async throws(AuthorityError) -> MintedX509CA {
    let (issuer, roots, failure) = state.withLock { state in
      state.mints += 1
      state.ttls.append(ttl)
      return (state.issuer, state.roots, state.failure)
    }
    if let failure { throw failure }
    let minted = try await issuer.mintX509CA(csr: csr, ttl: ttl, now: time())
    return roots.map { MintedX509CA(chain: minted.chain, roots: $0) } ?? minted
  }

  func publish(_ key: JWTAuthority) async throws(AuthorityError) -> [JWTAuthority] {
    let (known, failure) = state.withLock { state -> ([JWTAuthority]?, AuthorityError?) in
      state.keys?.append(key)
      return (state.keys, state.failure)
    }
    if let failure { throw failure }
    guard let known else { throw AuthorityError(.unimplemented, "publishing upstream is unsupported") }
    return known
  }

  func followBundle(_ changed: @escaping @Sendable (UpstreamBundle) async -> Void) async throws(AuthorityError) {
    throw AuthorityError(.unimplemented, "fetching upstream trust bundle is unsupported")
  }
}
