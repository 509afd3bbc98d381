import Daemon
import DatastoreAPI
import FoundationEssentials
import Keys
import Logging
import SPIFFE

extension CAManager {
  typealias X509Position = AuthoritySlots<X509CA>.Position
  static let x509KeyIDPrefix = "x509-CA-"

  /// Makes a new CA in a slot and publishes it, so that it is known everywhere before it signs.
  func prepareX509(_ position: X509Position) async throws(AuthorityError) {
    let slot = x509[position].id
    log.debug("Preparing X509 CA", metadata: ["slot": "\(slot.rawValue)"])
    let call = metrics.startCall(["ca", "manager", "x509_ca", "prepare"])
    do {
      // The slot's key is about to be replaced; a failure leaves the slot empty.
      x509.reset(position)
      let ca: X509CA
      if let upstream = configuration.upstream {
        let roots: [X509Authority]
        (ca, roots) = try await makeUpstreamCA(in: slot, upstream)
        try await appendRoots(roots)
      } else {
        ca = try await makeSelfSignedCA(in: slot)
        _ = try await datastore.appendBundle(
          Bundle(trustDomain: trustDomain, x509Authorities: [X509Authority(der: ca.certificate)]))
      }
      var changed = journal
      changed.append(ca, in: slot)
      await remember(changed)
      x509.prepared(ca, in: position)
      log.info("X509 CA prepared", metadata: fields(ca, slot, more: ["self_signed": "\(ca.isSelfSigned)"]))
      call.done()
    } catch {
      let failure = AuthorityError(preparing: "X509 CA", error)
      call.done(error: failure)
      throw failure
    }
  }

  private func makeSelfSignedCA(in slot: SlotID) async throws -> X509CA {
    let key = try await keyManager.generateKey(
      id: Self.x509KeyIDPrefix + slot.rawValue, type: configuration.x509KeyType)
    let now = time.now
    let template = try await authority.builder.selfSignedCA(publicKey: key.publicKey, now: now)
    let validated = try ValidatedTemplate(template, at: TemplateBuilder.seconds(now))
    let issuer = X509Issuer(rawName: template.subject.encoded, keyID: nil, key: key)
    let signed = try await X509Signer(issuer: issuer).sign(validated)
    return try X509CA(certificate: signed.der, key: key, issuedAt: now)
  }

  /// Lets the CA of a slot sign from now on.
  func activateX509(_ position: X509Position, beginsRotation: Bool = false) async throws(AuthorityError) {
    guard let ca = x509[position].authority else { return }
    var changed = journal
    let replaced = beginsRotation ? x509.current.authority?.authorityID : nil
    changed.activateX509(authorityID: ca.authorityID, replacing: replaced ?? "")
    do {
      try await store(changed)
    } catch {
      // With the old authority still valid nothing is lost by waiting until the journal can be written.
      if let active = authority.activeX509CA, active.expiresAt > time.now { throw error }
      log.error("Unable to store the CA journal; the new X509 CA signs all the same", metadata: ["error": "\(error)"])
      journal = changed
    }
    switch position {
    case .current: x509.activatedCurrent()
    case .next: x509.activatedNext()
    }
    signWithCurrentX509CA()
  }

  /// Hands the current CA to the certificate authority.
  func signWithCurrentX509CA() {
    guard let ca = x509.current.authority else { return }
    authority.activate(ca)
    log.info("X509 CA activated", metadata: fields(ca, x509.current.id))
    let ttl = ca.expiresAt.timeIntervalSince(time.now)
    let labels = [MetricLabel("trust_domain_id", trustDomain.idString)]
    metrics.incrementCounter(["ca", "manager", "x509_ca", "activate"])
    metrics.setGauge(["manager", "x509_ca", "rotate", "expiration"], to: Double(ca.notAfter), labels: labels)
    metrics.setGauge(["manager", "x509_ca", "rotate", "ttl"], to: ttl, labels: labels)
    log.debug(
      "Successfully rotated X.509 CA", metadata: ["trust_domain_id": "\(trustDomain.idString)", "ttl": "\(ttl)"])
  }

  private func fields(_ ca: X509CA, _ slot: SlotID, more: Logger.Metadata = [:]) -> Logger.Metadata {
    let own: Logger.Metadata = [
      "expiration": "\(GoTime.string(ca.expiresAt))", "issued_at": "\(GoTime.string(ca.issuedAt))",
      "local_authority_id": "\(ca.authorityID)", "slot": "\(slot.rawValue)",
      "upstream_authority_id": "\(ca.upstreamAuthorityID)",
    ]
    return own.merging(more) { _, new in new }
  }
}
