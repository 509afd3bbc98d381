package import Daemon
import FoundationEssentials
package import SPIFFE
import Synchronization

/// Issues every credential of the server with the authorities that are active at that moment.
///
/// API methods and the server-SVID rotator call it; the CA manager activates its signers. A lock guards the snapshot
/// of the active signers and is never held while signing. P-256 signing runs on the caller's thread, so that an
/// issuance neither waits nor changes threads; other keys sign elsewhere.
package final class CertificateAuthority: Sendable {
  private struct Signers {
    var x509: X509CA?
    var keys: [TokenKind: JWTKey] = [:]
    var tainted: Set<String> = []
    /// When the last credential ends that each authority signed, Unix seconds.
    var lastEnds: [String: Int64] = [:]

    mutating func signed(by authorityID: String, until end: Int64) {
      if lastEnds[authorityID, default: .min] < end { lastEnds[authorityID] = end }
    }
  }

  package let configuration: CredentialConfiguration
  let builder: TemplateBuilder
  let time: any TimeSource
  /// When this run began: what was signed before is not known.
  let startedAt: Date
  private let metrics: Metrics
  private let signers = Mutex(Signers())

  package init(
    configuration: CredentialConfiguration, time: any TimeSource, random: any RandomSource = SystemRandom(),
    metrics: Metrics
  ) {
    self.configuration = configuration
    self.time = time
    startedAt = time.now
    self.metrics = metrics
    builder = TemplateBuilder(configuration: configuration, random: random)
  }

  // MARK: Signers

  /// The X.509 authority that signs now.
  package var activeX509CA: X509CA? { signers.withLock { $0.x509 } }
  /// The JWT authority that signs now.
  package var activeJWTKey: JWTKey? { activeKey(.jwt) }
  /// The JWT or WIT authority that signs now.
  package func activeKey(_ kind: TokenKind) -> JWTKey? { signers.withLock { $0.keys[kind] } }

  /// Called by the CA manager, once the authority is in the bundle.
  func activate(_ ca: X509CA) { signers.withLock { $0.x509 = ca } }
  /// Called by the CA manager, once the authority is in the bundle.
  func activate(_ key: JWTKey) { signers.withLock { $0.keys[key.kind] = key } }

  /// Remembers that what this X.509 authority signed must be replaced.
  func markTainted(x509AuthorityID id: String) { signers.withLock { _ = $0.tainted.insert(id) } }
  /// Whether what this X.509 authority signed must be replaced.
  package func isTainted(x509AuthorityID id: String) -> Bool { signers.withLock { $0.tainted.contains(id) } }

  /// When the last credential ends that this authority signed since the start, Unix seconds; nil if it signed none.
  func lastEnd(ofAuthority id: String) -> Int64? { signers.withLock { $0.lastEnds[id] } }

  // MARK: X.509

  /// Signs a workload's X.509-SVID.
  ///
  /// - Throws: ``AuthorityError``: unavailable before the first activation, internal when the request breaks a rule.
  package nonisolated(nonsending) func issueX509SVID(
    _ request: X509SVIDRequest
  ) async throws(AuthorityError) -> IssuedX509SVID {
    let now = time.now
    let ca = try x509Signer()
    return try await issue(request.id, ca, now) { () async throws in
      try await self.builder.workloadSVID(request, issuer: ca, now: now)
    }
  }

  /// Signs an agent's X.509-SVID.
  package nonisolated(nonsending) func issueAgentSVID(
    id: SPIFFEID, publicKey: PublicKey
  ) async throws(AuthorityError) -> IssuedX509SVID {
    let now = time.now
    let ca = try x509Signer()
    return try await issue(id, ca, now) { () async throws in
      try await self.builder.agentSVID(id: id, publicKey: publicKey, issuer: ca, now: now)
    }
  }

  /// Signs the server's own X.509-SVID.
  package nonisolated(nonsending) func issueServerSVID(
    publicKey: PublicKey
  ) async throws(AuthorityError) -> IssuedX509SVID {
    let now = time.now
    let ca = try x509Signer()
    let id: SPIFFEID
    do { id = try builder.serverID() } catch { throw Self.wrap(error) }
    return try await issue(id, ca, now) { () async throws in
      try await self.builder.serverSVID(publicKey: publicKey, issuer: ca, now: now)
    }
  }

  /// Signs the CA certificate of a server below this one. Zero, negative or nil `ttl` stands for `ca_ttl`.
  package nonisolated(nonsending) func issueDownstreamCA(
    publicKey: PublicKey, ttl: Duration? = nil
  ) async throws(AuthorityError) -> IssuedX509SVID {
    let now = time.now
    let ca = try x509Signer()
    return try await issue(configuration.trustDomain.id, ca, now, counter: "x509_ca_svid") { () async throws in
      try await self.builder.downstreamCA(publicKey: publicKey, ttl: ttl, issuer: ca, now: now)
    }
  }

  private nonisolated(nonsending) func issue(
    _ id: SPIFFEID, _ ca: X509CA, _ now: Date, counter: String = "x509_svid",
    template: nonisolated(nonsending) () async throws -> X509Template
  ) async throws(AuthorityError) -> IssuedX509SVID {
    let made: X509Template
    do { made = try await template() } catch { throw Self.wrap(error) }
    let validated = try ValidatedTemplate(made, at: TemplateBuilder.seconds(now))
    let signed = try await X509Signer(issuer: ca.issuer).sign(validated)
    signers.withLock { $0.signed(by: ca.authorityID, until: made.notAfter) }
    metrics.incrementCounter(["server_ca", "sign", counter])
    return IssuedX509SVID(
      id: id, chain: [signed.der] + ca.upstreamChain, serial: made.serialNumber,
      notBefore: made.notBefore, expiresAt: made.notAfter, subject: made.subject, authorityID: ca.authorityID)
  }

  private func x509Signer() throws(AuthorityError) -> X509CA {
    guard let ca = activeX509CA else {
      throw AuthorityError(.unavailable, "X509 CA is not available for signing")
    }
    return ca
  }

  // MARK: Tokens

  /// Signs a workload's JWT-SVID.
  ///
  /// - Throws: ``AuthorityError``: unimplemented with `disable_jwt_svids`, unavailable before the first activation,
  ///   internal when the request breaks a rule.
  package nonisolated(nonsending) func issueJWTSVID(
    _ request: JWTSVIDRequest
  ) async throws(AuthorityError) -> IssuedJWTSVID {
    guard !configuration.jwtSVIDsAreDisabled else { throw .jwtDisabled }
    return try await issue(request.id, .jwt, counter: "jwt_svid") { key, now in
      try await self.builder.claims(request, key: key, now: now)
    }
  }

  /// Signs a workload's WIT-SVID.
  ///
  /// - Throws: ``AuthorityError``: unimplemented without the feature flag, unavailable before the first activation,
  ///   internal when the request breaks a rule.
  package nonisolated(nonsending) func issueWITSVID(
    _ request: WITSVIDRequest
  ) async throws(AuthorityError) -> IssuedJWTSVID {
    guard configuration.witSVIDsAreEnabled else { throw .witDisabled }
    return try await issue(request.id, .wit, counter: "wit_svid") { key, now in
      try self.builder.claims(request, key: key, now: now)
    }
  }

  private nonisolated(nonsending) func issue(
    _ id: SPIFFEID, _ kind: TokenKind, counter: String,
    claims:
      nonisolated(nonsending) (JWTKey, Date) async throws -> (
        claims: JSONObject, issuedAt: Int64, expiresAt: Int64
      )
  ) async throws(AuthorityError) -> IssuedJWTSVID {
    guard let key = activeKey(kind) else {
      throw AuthorityError(.unavailable, "\(kind.keyName) is not available for signing")
    }
    let made: (claims: JSONObject, issuedAt: Int64, expiresAt: Int64)
    do { made = try await claims(key, time.now) } catch { throw Self.wrap(error) }
    let validated = try ValidatedClaims(made.claims, id: id, at: made.issuedAt, kind: kind)
    let token = try await JWTSigner(key: key).sign(validated)
    signers.withLock { $0.signed(by: key.keyID, until: made.expiresAt) }
    metrics.incrementCounter(["server_ca", "sign", counter])
    return IssuedJWTSVID(
      id: id, token: token, issuedAt: made.issuedAt, expiresAt: made.expiresAt, authorityID: key.keyID)
  }

  /// A composer's error keeps its text.
  private static func wrap(_ error: any Error) -> AuthorityError {
    error as? AuthorityError ?? AuthorityError(.internal, "\(error)", cause: error)
  }
}

extension AuthorityError {
  /// What every JWT operation answers with `disable_jwt_svids`.
  package static var jwtDisabled: AuthorityError {
    AuthorityError(.unimplemented, "JWT functionality is disabled")
  }

  /// What issuing WIT-SVIDs answers without the feature flag.
  package static var witDisabled: AuthorityError {
    AuthorityError(.unimplemented, "WIT functionality is disabled")
  }
}
