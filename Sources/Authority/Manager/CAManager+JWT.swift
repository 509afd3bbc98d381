import Daemon
import DatastoreAPI
import FoundationEssentials
import Keys
import Logging
import SPIFFE

extension CAManager {
  typealias JWTPosition = AuthoritySlots<JWTKey>.Position

  /// Makes a new JWT key in a slot and publishes it, so that it is known everywhere before it signs.
  func prepareJWT(_ position: JWTPosition) async throws(AuthorityError) {
    let slot = jwt[position].id
    log.debug("Preparing JWT key", metadata: ["slot": "\(slot.rawValue)"])
    let call = metrics.startCall(["ca", "manager", "jwt_key", "prepare"])
    do {
      jwt.reset(position)
      let key = try await keyManager.generateKey(id: "JWT-Signer-" + slot.rawValue, type: configuration.jwtKeyType)
      let now = time.now
      let made = JWTKey(
        key: key, keyID: random.keyID(), issuedAt: now,
        expiresAt: now.addingTimeInterval(authority.configuration.caTTL.seconds))
      try await publishJWTKey(made.authority)
      var changed = journal
      changed.append(made, in: slot)
      await remember(changed)
      jwt.prepared(made, in: position)
      log.info("JWT key prepared", metadata: fields(made, slot))
      call.done()
    } catch {
      let failure = AuthorityError(preparing: "JWT key", error)
      call.done(error: failure)
      throw failure
    }
  }

  /// Lets the key of a slot sign from now on.
  func activateJWT(_ position: JWTPosition) async throws(AuthorityError) {
    guard let key = jwt[position].authority else { return }
    var changed = journal
    changed.activateJWT(authorityID: key.authorityID)
    do {
      try await store(changed)
    } catch {
      if let active = authority.activeJWTKey, active.expiresAt > time.now { throw error }
      log.error("Unable to store the CA journal; the new JWT key signs all the same", metadata: ["error": "\(error)"])
      journal = changed
    }
    switch position {
    case .current: jwt.activatedCurrent()
    case .next: jwt.activatedNext()
    }
    signWithCurrentJWTKey()
  }

  /// Hands the current key to the certificate authority.
  func signWithCurrentJWTKey() {
    guard let key = jwt.current.authority else { return }
    authority.activate(key)
    metrics.incrementCounter(["manager", "jwt_key", "activate"])
    log.info("JWT key activated", metadata: fields(key, jwt.current.id))
  }

  private func fields(_ key: JWTKey, _ slot: SlotID) -> Logger.Metadata {
    [
      "expiration": "\(GoTime.string(key.expiresAt))", "issued_at": "\(GoTime.string(key.issuedAt))",
      "local_authority_id": "\(key.authorityID)", "slot": "\(slot.rawValue)",
    ]
  }
}
