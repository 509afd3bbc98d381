import Daemon
import DatastoreAPI
import FoundationEssentials
import Keys
import Logging
import SPIFFE

/// The keys that sign tokens: JWT-SVIDs and, with the feature flag, WIT-SVIDs.
extension CAManager {
  typealias KeyPosition = AuthoritySlots<JWTKey>.Position

  /// Makes a new key in a slot and publishes it, so that it is known everywhere before it signs.
  func prepareKey(_ kind: TokenKind, _ position: KeyPosition) async throws(AuthorityError) {
    let slot = self[kind][position].id
    log.debug("Preparing \(kind.keyName)", metadata: ["slot": "\(slot.rawValue)"])
    let call = metrics.startCall(["ca", "manager", kind.metric, "prepare"])
    do {
      self[kind].reset(position)
      let key = try await keyManager.generateKey(
        id: kind.keyIDPrefix + slot.rawValue, type: configuration.keyType(kind))
      let now = time.now
      let made = JWTKey(
        kind: kind, key: key, keyID: random.keyID(), issuedAt: now,
        expiresAt: now.addingTimeInterval(authority.configuration.caTTL.seconds))
      switch kind {
      case .jwt: try await publishJWTKey(made.authority)
      // No authority above takes WIT keys.
      case .wit:
        _ = try await datastore.appendBundle(Bundle(trustDomain: trustDomain, witAuthorities: [made.authority]))
      }
      var changed = journal
      changed.append(made, in: slot)
      await remember(changed)
      self[kind].prepared(made, in: position)
      log.info("\(kind.keyName) prepared", metadata: fields(made, slot))
      call.done()
    } catch {
      let failure = AuthorityError(preparing: kind.keyName, error)
      call.done(error: failure)
      throw failure
    }
  }

  /// Lets the key of a slot sign from now on.
  func activateKey(
    _ kind: TokenKind, _ position: KeyPosition, beginsRotation: Bool = false
  ) async throws(AuthorityError) {
    guard let key = self[kind][position].authority else { return }
    var changed = journal
    let replaced = beginsRotation ? self[kind].current.authority?.authorityID : nil
    changed.activate(kind, authorityID: key.authorityID, replacing: replaced ?? "")
    do {
      try await store(changed)
    } catch {
      if let active = authority.activeKey(kind), active.expiresAt > time.now { throw error }
      log.error(
        "Unable to store the CA journal; the new \(kind.keyName) signs all the same", metadata: ["error": "\(error)"])
      journal = changed
    }
    switch position {
    case .current: self[kind].activatedCurrent()
    case .next: self[kind].activatedNext()
    }
    signWithCurrentKey(kind)
  }

  /// Hands the current key to the certificate authority.
  func signWithCurrentKey(_ kind: TokenKind) {
    guard let key = self[kind].current.authority else { return }
    authority.activate(key)
    metrics.incrementCounter(["manager", kind.metric, "activate"])
    log.info("\(kind.keyName) activated", metadata: fields(key, self[kind].current.id))
  }

  private func fields(_ key: JWTKey, _ slot: SlotID) -> Logger.Metadata {
    [
      "expiration": "\(GoTime.string(key.expiresAt))", "issued_at": "\(GoTime.string(key.issuedAt))",
      "local_authority_id": "\(key.authorityID)", "slot": "\(slot.rawValue)",
    ]
  }
}
