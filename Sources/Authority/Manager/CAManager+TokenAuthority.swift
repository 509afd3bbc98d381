import DatastoreAPI
import Logging
import SPIFFE

/// What an operator does with JWT and WIT authorities by hand (server-behaviour §1.9). Codes and texts are those of the
/// API; those of WIT authorities are made like those of JWT authorities.
extension CAManager {
  package func authorities(_ kind: TokenKind) throws(AuthorityError) -> LocalAuthorities {
    guard isEnabled(kind) else { throw kind.disabled }
    return try Self.authorities(self[kind]) { LocalAuthority($0) }
  }

  /// Makes a new key in the next slot; what was there is forgotten, though it stays in the bundle.
  package func prepareAuthority(_ kind: TokenKind) async throws -> LocalAuthority {
    guard isEnabled(kind) else { throw kind.disabled }
    return try await exclusively {
      try Self.checkInitialized(self[kind])
      try await prepareKey(kind, .next)
      return try Self.authority(self[kind].next) { LocalAuthority($0) }
    }
  }

  /// As ``activateX509Authority(id:beginsRotation:confirm:)``.
  package func activateAuthority(
    _ kind: TokenKind, id: String, beginsRotation: Bool = false,
    confirm: @Sendable ([String]) async throws -> Void = { _ in }
  ) async throws -> LocalAuthority {
    guard isEnabled(kind) else { throw kind.disabled }
    try await exclusively { try Self.checkActivation(self[kind], id) }
    try await confirm([id])
    return try await exclusively {
      try Self.checkActivation(self[kind], id)
      try await activateKey(kind, .next, beginsRotation: beginsRotation)
      return try Self.authority(self[kind].current) { LocalAuthority($0) }
    }
  }

  /// Withdraws the OLD authority: what it signed is replaced at the agents.
  package func taintAuthority(_ kind: TokenKind, id: String) async throws -> LocalAuthority {
    guard isEnabled(kind) else { throw kind.disabled }
    return try await exclusively {
      try Self.checkTaint(self[kind], id)
      try await stored("taint \(kind.rawValue) authority") { () async throws(DatastoreError) in
        switch kind {
        case .jwt: _ = try await datastore.taintJWTAuthority(keyID: id, of: trustDomain)
        case .wit: _ = try await datastore.taintWITAuthority(keyID: id, of: trustDomain)
        }
      }
      log.info("\(kind.rawValue) authority tainted", metadata: ["local_authority_id": "\(id)"])
      return try Self.authority(self[kind].next) { LocalAuthority($0) }
    }
  }

  /// Removes a tainted key from the bundle; any key of the bundle that is neither active nor prepared here.
  package func revokeAuthority(_ kind: TokenKind, id: String) async throws -> String {
    guard isEnabled(kind) else { throw kind.disabled }
    return try await exclusively {
      try await checkRevocation(kind, id)
      try await stored("revoke \(kind.rawValue) authority") { () async throws(DatastoreError) in
        switch kind {
        case .jwt: _ = try await datastore.revokeJWTAuthority(keyID: id, of: trustDomain)
        case .wit: _ = try await datastore.revokeWITAuthority(keyID: id, of: trustDomain)
        }
      }
      await rotationEnded(from: id)
      log.info("\(kind.rawValue) authority revoked", metadata: ["local_authority_id": "\(id)"])
      return id
    }
  }

  private func checkRevocation(_ kind: TokenKind, _ id: String) async throws {
    guard !id.isEmpty else { throw Self.invalid("no authority ID provided") }
    if id == self[kind].next.authority?.authorityID, self[kind].next.status == .prepared {
      throw Self.invalid("unable to use a prepared key")
    }
    guard id != self[kind].current.authority?.authorityID else {
      throw Self.invalid("unable to use current authority")
    }
    let bundle: Bundle?
    do throws(DatastoreError) { bundle = try await datastore.fetchBundle(of: trustDomain) } catch {
      throw AuthorityError(error)
    }
    guard bundle?[keyPath: kind.authorities].contains(where: { $0.keyID == id }) == true else {
      throw Self.invalid("no \(kind.rawValue) authority found with provided authority ID")
    }
  }
}
