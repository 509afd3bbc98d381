import FoundationEssentials
import SPIFFE

/// Turns requests into templates: profiles, defaults and lifetimes of server-behaviour §3 and §4, then the composers.
///
/// The certificate authority and the CA manager share one. A value without state.
struct TemplateBuilder: Sendable {
  /// How far NotBefore lies in the past, for clocks that are late.
  static let backdate: Int64 = 10
  /// The lifetime of a WIT-SVID when neither request nor entry says one.
  static let witSVIDTTL = Duration.seconds(3600)

  let configuration: CredentialConfiguration
  let random: any RandomSource

  /// A self-signed CA certificate.
  nonisolated(nonsending) func selfSignedCA(publicKey: PublicKey, now: Date) async throws -> X509Template {
    try await authority(
      publicKey: publicKey, subject: configuration.caSubject, lifetime: lifetime(now, configuration.caTTL, cap: nil))
  }

  /// What this server asks its upstream authority for: the subject, the URI and the extensions count.
  nonisolated(nonsending) func upstreamRequest(publicKey: PublicKey, now: Date) async throws -> X509Template {
    var template = X509Template(
      purpose: .authority(configuration.trustDomain), serialNumber: 1, subject: configuration.caSubject,
      publicKey: publicKey, notBefore: Self.seconds(now), notAfter: Self.seconds(now, plus: configuration.caTTL))
    if configuration.composers.isEmpty { return template }
    var attributes = X509CAAttributes(subject: template.subject)
    for composer in configuration.composers { attributes = try await composer.composeServerX509CA(attributes) }
    template.subject = attributes.subject
    template.extraExtensions = attributes.extraExtensions
    return template
  }

  /// A CA certificate for a server below this one. Its subject is the issuer's, with an OU that tells its depth.
  nonisolated(nonsending) func downstreamCA(
    publicKey: PublicKey, ttl: Duration?, issuer: X509CA, now: Date
  ) async throws -> X509Template {
    var subject = issuer.subject
    subject.organizationalUnit = ["DOWNSTREAM-\(max(1, issuer.upstreamChain.count))"]
    return try await authority(
      publicKey: publicKey, subject: subject,
      lifetime: lifetime(now, positive(ttl) ?? configuration.caTTL, cap: issuer.notAfter))
  }

  private nonisolated(nonsending) func authority(
    publicKey: PublicKey, subject: DistinguishedName, lifetime: (from: Int64, to: Int64)
  ) async throws -> X509Template {
    var template = X509Template(
      purpose: .authority(configuration.trustDomain), serialNumber: random.serialNumber(), subject: subject,
      publicKey: publicKey, notBefore: lifetime.from, notAfter: lifetime.to)
    if !configuration.composers.isEmpty {
      var attributes = X509CAAttributes(subject: subject)
      for composer in configuration.composers { attributes = try await composer.composeServerX509CA(attributes) }
      template.subject = attributes.subject
      template.policyIdentifiers = attributes.policyIdentifiers
      template.extraExtensions = attributes.extraExtensions
    }
    // CAs of one subject would be hard to tell apart (RFC 5280 §4.1.2.4 names them by subject).
    if template.subject.serialNumber.isEmpty { template.subject.serialNumber = String(template.serialNumber) }
    return template
  }

  nonisolated(nonsending) func serverSVID(
    publicKey: PublicKey, issuer: X509CA, now: Date
  ) async throws -> X509Template {
    let id = try serverID()
    var template = svid(id, publicKey, .svid, configuration.x509SVIDTTL, issuer, now)
    var attributes = X509SVIDAttributes(subject: template.subject)
    for composer in configuration.composers { attributes = try await composer.composeServerX509SVID(attributes) }
    template.apply(attributes)
    return template
  }

  nonisolated(nonsending) func agentSVID(
    id: SPIFFEID, publicKey: PublicKey, issuer: X509CA, now: Date
  ) async throws -> X509Template {
    try check(id, "X509-SVID")
    let ttl = configuration.agentTTL.flatMap(positive) ?? configuration.x509SVIDTTL
    var template = svid(id, publicKey, .svid, ttl, issuer, now)
    if configuration.composers.isEmpty { return template }
    var attributes = X509SVIDAttributes(subject: template.subject)
    for composer in configuration.composers {
      attributes = try await composer.composeAgentX509SVID(attributes, id: id, publicKey: publicKey)
    }
    template.apply(attributes)
    return template
  }

  nonisolated(nonsending) func workloadSVID(
    _ request: X509SVIDRequest, issuer: X509CA, now: Date
  ) async throws -> X509Template {
    try check(request.id, "X509-SVID")
    var subject = request.subject.flatMap { $0.isEmpty ? nil : $0 } ?? .svid
    if let first = request.dnsNames.first { subject.commonName = first }
    let ttl = positive(request.ttl) ?? configuration.x509SVIDTTL
    var template = svid(request.id, request.publicKey, subject, ttl, issuer, now)
    template.dnsNames = request.dnsNames
    if configuration.composers.isEmpty { return template }
    var attributes = X509SVIDAttributes(subject: subject, dnsNames: request.dnsNames)
    for composer in configuration.composers {
      attributes = try await composer.composeWorkloadX509SVID(
        attributes, id: request.id, publicKey: request.publicKey)
    }
    template.apply(attributes)
    return template
  }

  /// The claims of a JWT-SVID and the times that its answer repeats.
  nonisolated(nonsending) func claims(
    _ request: JWTSVIDRequest, key: JWTKey, now: Date
  ) async throws -> (claims: JSONObject, issuedAt: Int64, expiresAt: Int64) {
    try check(request.id, "JWT-SVID")
    let audience = request.audience.filter { !$0.isEmpty }
    guard !audience.isEmpty else {
      throw AuthorityError(.internal, "invalid JWT-SVID audience: cannot be empty")
    }
    let ttl = positive(request.ttl) ?? configuration.jwtSVIDTTL
    let issuedAt = Self.seconds(now)
    let expiresAt = min(Self.seconds(now, plus: ttl), key.notAfter)
    var claims = JWTSVIDEncoder.claims(
      subject: request.id, audience: audience, expiresAt: expiresAt, issuedAt: issuedAt,
      issuer: configuration.jwtIssuer, jwtID: request.includesJTI ? jwtID() : nil)
    for composer in configuration.composers {
      claims = try await composer.composeWorkloadJWTSVID(claims, id: request.id)
    }
    return (claims, issuedAt, claims["exp"]?.integer ?? expiresAt)
  }

  /// The claims of a WIT-SVID and the times that its answer repeats.
  func claims(
    _ request: WITSVIDRequest, key: JWTKey, now: Date
  ) throws -> (claims: JSONObject, issuedAt: Int64, expiresAt: Int64) {
    try check(request.id, "WIT-SVID")
    guard request.algorithm.fits(request.publicKey.keyType) else {
      throw AuthorityError(
        .internal, "invalid WIT-SVID key: \(request.publicKey) does not sign \(request.algorithm.rawValue)")
    }
    let issuedAt = Self.seconds(now)
    let ttl = positive(request.ttl) ?? Self.witSVIDTTL
    let expiresAt = min(Self.seconds(now, plus: ttl), key.notAfter)
    // SPIRE: composers are not asked; their interface knows no WIT-SVIDs.
    let claims = WITSVIDEncoder.claims(
      subject: request.id, confirmationKey: request.publicKey, algorithm: request.algorithm, expiresAt: expiresAt,
      issuedAt: issuedAt, issuer: configuration.witIssuer)
    return (claims, issuedAt, expiresAt)
  }

  /// The server's own ID.
  func serverID() throws -> SPIFFEID {
    try SPIFFEID(trustDomain: configuration.trustDomain, path: "/spire/server")
  }

  private func svid(
    _ id: SPIFFEID, _ publicKey: PublicKey, _ subject: DistinguishedName, _ ttl: Duration, _ issuer: X509CA, _ now: Date
  ) -> X509Template {
    let lifetime = lifetime(now, ttl, cap: issuer.notAfter)
    return X509Template(
      purpose: .svid(id), serialNumber: random.serialNumber(), subject: subject, publicKey: publicKey,
      notBefore: lifetime.from, notAfter: lifetime.to)
  }

  private func check(_ id: SPIFFEID, _ kind: String) throws(AuthorityError) {
    guard id.isMember(of: configuration.trustDomain) else {
      throw AuthorityError(
        .internal, "invalid \(kind) ID: \"\(id)\" is not a member of trust domain \"\(configuration.trustDomain)\"")
    }
    guard !id.path.isEmpty else {
      throw AuthorityError(.internal, "invalid \(kind) ID: \"\(id)\" has no path, so it names no workload")
    }
  }

  private func positive(_ ttl: Duration?) -> Duration? { ttl.flatMap { $0 > .zero ? $0 : nil } }

  private func lifetime(_ now: Date, _ ttl: Duration, cap: Int64?) -> (from: Int64, to: Int64) {
    let end = Self.seconds(now, plus: ttl)
    return (Self.seconds(now) - Self.backdate, min(end, cap ?? end))
  }

  /// 122 random bits as a version 4 UUID, base64url.
  private func jwtID() -> String {
    var bytes = random.bytes(16)
    bytes[6] = bytes[6] & 0x0F | 0x40
    bytes[8] = bytes[8] & 0x3F | 0x80
    return Base64.encodeURL(bytes)
  }

  /// Whole seconds since 1970, at most what a certificate can hold.
  static func seconds(_ date: Date, plus duration: Duration = .zero) -> Int64 {
    let parts = duration.components
    let value = date.timeIntervalSince1970 + Double(parts.seconds) + Double(parts.attoseconds) / 1e18
    return Int64(min(max(value.rounded(.down), Double(CivilTime.first)), Double(CivilTime.last)))
  }
}

extension X509Template {
  fileprivate mutating func apply(_ attributes: X509SVIDAttributes) {
    subject = attributes.subject
    dnsNames = attributes.dnsNames
    extraExtensions = attributes.extraExtensions
  }
}
