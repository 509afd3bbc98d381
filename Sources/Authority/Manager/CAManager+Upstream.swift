import Daemon
import DatastoreAPI
import FoundationEssentials
import Keys
import Logging
package import SPIFFE

/// What the authority above does to this server: it signs the CA, takes JWT keys, and tells when its roots change
/// (server-behaviour §1.3, §1.7).
extension CAManager {
  /// How long the upstream authority may take for a JWT key.
  private static let publishingTime = Duration.seconds(5)
  /// When the upstream bundle is followed for the first time, and how long after a failure again.
  private static let followingDelay = Duration.seconds(5)
  /// How often a taint that came from above is tried, every ``followingDelay``.
  private static let taintAttempts = 12

  // MARK: X.509 CA

  /// Has the upstream authority sign a CA for a new key, and makes sure that it is one that agents will accept.
  func makeUpstreamCA(
    in slot: SlotID, _ upstream: any UpstreamCA
  ) async throws -> (ca: X509CA, roots: [X509Authority]) {
    let key = try await keyManager.generateKey(
      id: Self.x509KeyIDPrefix + slot.rawValue, type: configuration.x509KeyType)
    let now = time.now
    let request = try await authority.builder.upstreamRequest(publicKey: key.publicKey, now: now)
    let csr = try await CSREncoder(template: request, key: key).encoded()
    let minted = try await upstream.mintX509CA(csr: csr, ttl: authority.configuration.caTTL)
    guard let certificate = minted.chain.first else {
      throw AuthorityError(.internal, "upstream authority returned no X.509 CA")
    }
    guard !minted.roots.isEmpty else { throw AuthorityError(.internal, "upstream authority returned no roots") }
    let ca = try X509CA(certificate: certificate, upstreamChain: minted.chain, key: key, issuedAt: now)
    try await verify(ca, roots: minted.roots, now: now)
    return (ca, minted.roots)
  }

  /// Signs an SVID that nobody gets and verifies it as an agent would.
  private func verify(_ ca: X509CA, roots: [X509Authority], now: Date) async throws {
    do {
      let id = try SPIFFEID(trustDomain: trustDomain, path: "/throw-away")
      let key = try SoftwareKey(generating: .ecP256)
      let seconds = TemplateBuilder.seconds(now)
      let template = X509Template(
        purpose: .svid(id), serialNumber: 1, subject: .svid, publicKey: key.publicKey,
        notBefore: seconds - TemplateBuilder.backdate, notAfter: min(seconds + 60, ca.notAfter))
      let signed = try await X509Signer(issuer: ca.issuer).sign(try ValidatedTemplate(template, at: seconds))
      let verifier = X509SVIDVerifier(bundle: Bundle(trustDomain: trustDomain, x509Authorities: roots))
      _ = try verifier.verify(chain: [signed.der] + ca.upstreamChain, at: now)
    } catch {
      throw AuthorityError(
        .internal,
        "the X.509 CA that the upstream authority signed is not usable, SVIDs signed by it would not verify: \(error)",
        cause: error)
    }
  }

  /// Adds the roots that the bundle does not have, whatever it says about their taint.
  func appendRoots(_ roots: [X509Authority]) async throws {
    let known = Set(try await datastore.fetchBundle(of: trustDomain)?.x509Authorities.map(\.der) ?? [])
    let missing = roots.filter { !known.contains($0.der) }
    guard !missing.isEmpty else { return }
    _ = try await datastore.appendBundle(Bundle(trustDomain: trustDomain, x509Authorities: missing))
  }

  // MARK: JWT keys

  /// Publishes a key above and adds what is known there to the bundle. Without an authority above that takes keys, only
  /// the own bundle gets it.
  func publishJWTKey(_ key: JWTAuthority) async throws {
    var keys = [key]
    if let upstream = configuration.upstream, !upstreamTakesNoJWTKeys {
      do throws(AuthorityError) {
        keys += try await limited { () async throws(AuthorityError) in try await upstream.publish(key) }
      } catch {
        guard error.code == .unimplemented else { throw error }
        upstreamTakesNoJWTKeys = true
        log.warning(
          "The upstream authority does not take JWT keys: JWT-SVIDs of this server verify only where its own bundle is known"
        )
      }
    }
    try await appendKeys(keys)
  }

  /// Publishes the JWT key of a server below this one: up to the root where there is an authority above that takes it.
  ///
  /// - Returns: all JWT keys of the trust domain that are known here.
  package func publishDownstreamJWTKey(_ key: JWTAuthority) async throws -> [JWTAuthority] {
    guard configuration.upstream != nil else {
      let addition = Bundle(trustDomain: trustDomain, jwtAuthorities: [key])
      return try await datastore.appendBundle(addition).jwtAuthorities
    }
    try await publishJWTKey(key)
    return try await datastore.fetchBundle(of: trustDomain)?.jwtAuthorities ?? []
  }

  func appendKeys(_ keys: [JWTAuthority]) async throws {
    let known = Set(try await datastore.fetchBundle(of: trustDomain)?.jwtAuthorities.map(\.keyID) ?? [])
    var missing: [JWTAuthority] = []
    for key in keys where !known.contains(key.keyID) && !missing.contains(where: { $0.keyID == key.keyID }) {
      missing.append(key)
    }
    guard !missing.isEmpty else { return }
    _ = try await datastore.appendBundle(Bundle(trustDomain: trustDomain, jwtAuthorities: missing))
  }

  private func limited<T: Sendable>(
    _ body: @escaping @Sendable () async throws(AuthorityError) -> T
  ) async throws(AuthorityError) -> T {
    let time = time
    do {
      return try await withThrowingTaskGroup(of: T?.self) { group in
        group.addTask { try await body() }
        group.addTask {
          try await time.sleep(for: Self.publishingTime)
          return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let result = first else {
          throw AuthorityError(.unavailable, "upstream authority did not answer within 5 s")
        }
        return result
      }
    } catch {
      throw AuthorityError(error)
    }
  }

  // MARK: Roots that change

  /// Follows the bundle above until shutdown. An authority that tells none is left alone.
  func followUpstream(_ upstream: any UpstreamCA) async throws {
    while true {
      try await time.sleep(for: Self.followingDelay)
      do throws(AuthorityError) {
        try await upstream.followBundle { await self.upstreamChanged(to: $0) }
      } catch {
        if Task.isCancelled { throw CancellationError() }
        guard error.code != .unimplemented else { return }
        log.error("Unable to follow the upstream authority's bundle", metadata: ["error": "\(error)"])
      }
    }
  }

  /// Brings the own bundle in step with the one above: new roots and keys come in, roots that are tainted there are
  /// tainted here once this server has another CA, and tainted roots that are gone there go.
  func upstreamChanged(to upstream: UpstreamBundle) async {
    await exclusively {
      do {
        let bundle = try await datastore.fetchBundle(of: trustDomain)
        let stored = bundle?.x509Authorities ?? []
        try await appendRoots(upstream.x509Authorities.filter { !$0.tainted })
        try await takeOver(upstream, known: bundle?.jwtAuthorities ?? [])
        let listed = Set(upstream.x509Authorities.map(\.der))
        for root in stored where root.tainted && !listed.contains(root.der) && withdrawnRoots[root.der] == nil {
          let keyID = Hex.encode(try CertificateFields(der: root.der).subjectKeyID)
          try await datastore.revokeX509Authority(subjectKeyID: keyID, of: trustDomain)
          log.info("X.509 upstream authority revoked", metadata: ["subject_key_id": "\(keyID)"])
        }
      } catch {
        log.error("Unable to take over the upstream authority's bundle", metadata: ["error": "\(error)"])
      }
    }
    for root in upstream.x509Authorities where root.tainted { await taintRoot(root.der) }
    await exclusively { await leaveWithdrawnRoots(upstream) }
  }

  /// Taints a root of the bundle after this server has stopped to sign with what that root signed, so that agents find
  /// a good authority when they see the taint.
  private func taintRoot(_ der: [UInt8]) async {
    guard let fields = try? CertificateFields(der: der) else { return }
    let keyID = Hex.encode(fields.subjectKeyID)
    for attempt in 1...Self.taintAttempts {
      do {
        try await exclusively { try await taintStoredRoot(der, keyID) }
        return
      } catch {
        log.error(
          "Unable to taint the X.509 upstream authority",
          metadata: ["attempt": "\(attempt)", "error": "\(error)", "subject_key_id": "\(keyID)"])
      }
      do { try await time.sleep(for: Self.followingDelay) } catch { return }
    }
  }

  private func taintStoredRoot(_ der: [UInt8], _ keyID: String) async throws {
    let stored = try await datastore.fetchBundle(of: trustDomain)?.x509Authorities ?? []
    guard let item = stored.first(where: { $0.der == der }), !item.tainted else { return }
    let affected = [x509.current.authority, x509.next.authority].compactMap(\.self).filter { $0.leads(to: keyID) }
    if x509.current.authority?.leads(to: keyID) == true, x509.current.status == .active {
      try await prepareX509(.next)
      try await activateX509(.next)
    } else if x509.next.authority?.leads(to: keyID) == true, x509.next.status == .prepared {
      try await prepareX509(.next)
    }
    try await datastore.taintX509Authority(subjectKeyID: keyID, of: trustDomain)
    for ca in affected { authority.markTainted(x509AuthorityID: ca.authorityID) }
    log.info("X.509 upstream authority tainted", metadata: ["subject_key_id": "\(keyID)"])
  }

  // MARK: By hand

  /// Taints the root that signed the OLD authority (server-behaviour §1.9).
  package func taintX509UpstreamAuthority(subjectKeyID: String) async throws {
    let keyID = subjectKeyID.lowercased()
    try await exclusively {
      try checkUpstream(keyID, prefix: "provided subject key id is not valid: ")
      try await stored("taint upstream authority") { () async throws(DatastoreError) in
        try await datastore.taintX509Authority(subjectKeyID: keyID, of: trustDomain)
      }
      if let old = x509.next.authority { authority.markTainted(x509AuthorityID: old.authorityID) }
      log.info("X.509 upstream authority tainted successfully", metadata: ["subject_key_id": "\(keyID)"])
    }
  }

  /// Removes the tainted root that signed the OLD authority from the bundle.
  package func revokeX509UpstreamAuthority(subjectKeyID: String) async throws {
    let keyID = subjectKeyID.lowercased()
    try await exclusively {
      try checkUpstream(keyID, prefix: "invalid subject key ID: ")
      try await stored("revoke X.509 upstream authority") { () async throws(DatastoreError) in
        try await datastore.revokeX509Authority(subjectKeyID: keyID, of: trustDomain)
      }
      if let old = x509.next.authority { await rotationEnded(from: old.authorityID) }
      log.info("X.509 upstream authority successfully revoked", metadata: ["subject_key_id": "\(keyID)"])
    }
  }

  private func checkUpstream(_ keyID: String, prefix: String) throws(AuthorityError) {
    guard configuration.upstream != nil else {
      throw AuthorityError(.failedPrecondition, "upstream authority is not configured")
    }
    func invalid(_ reason: String) -> AuthorityError { AuthorityError(.invalidArgument, prefix + reason) }
    guard !keyID.isEmpty else { throw invalid("no subject key ID provided") }
    guard keyID != x509.current.authority?.upstreamAuthorityID else {
      // SPIRE: the text has this spelling.
      throw invalid("unable to use upstream authority singing current authority")
    }
    guard let old = x509.next.authority, keyID == old.upstreamAuthorityID else {
      throw invalid("upstream authority didn't sign the old local authority")
    }
    guard x509.next.status == .old else {
      throw invalid("only upstream authorities signing an old authority can be used")
    }
  }
}
