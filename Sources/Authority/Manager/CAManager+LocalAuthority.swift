import DatastoreAPI
import Logging
import SPIFFE

/// What an operator does with authorities by hand (server-behaviour §1.9). Codes and texts are those of the API.
extension CAManager {
  // MARK: X.509

  package func x509Authorities() throws(AuthorityError) -> LocalAuthorities {
    try Self.authorities(x509) { LocalAuthority($0) }
  }

  /// Makes a new CA in the next slot; what was there is forgotten, though it stays in the bundle.
  package func prepareX509Authority() async throws -> LocalAuthority {
    try await exclusively {
      try Self.checkInitialized(x509)
      try await prepareX509(.next)
      return try Self.authority(x509.next) { LocalAuthority($0) }
    }
  }

  /// - Parameters:
  ///   - beginsRotation: the journal remembers what is replaced until it is revoked.
  ///   - confirm: told the IDs of the authority, or of the root above it, before it signs; throws when it must not.
  package func activateX509Authority(
    id: String, beginsRotation: Bool = false, confirm: @Sendable ([String]) async throws -> Void = { _ in }
  ) async throws -> LocalAuthority {
    let ids = try await exclusively {
      try Self.checkActivation(x509, id)
      return x509.next.authority?.rootIDs ?? []
    }
    try await confirm(ids)
    return try await exclusively {
      try Self.checkActivation(x509, id)
      try await activateX509(.next, beginsRotation: beginsRotation)
      return try Self.authority(x509.current) { LocalAuthority($0) }
    }
  }

  /// Withdraws the OLD authority: what it signed is replaced, here and at the agents.
  package func taintX509Authority(id: String) async throws -> LocalAuthority {
    try checkOwnRoot("tainted")
    return try await exclusively {
      try Self.checkTaint(x509, id)
      try await stored("taint X.509 authority") { () async throws(DatastoreError) in
        try await datastore.taintX509Authority(subjectKeyID: id, of: trustDomain)
      }
      authority.markTainted(x509AuthorityID: id)
      log.info("X.509 authority tainted", metadata: ["local_authority_id": "\(id)"])
      return try Self.authority(x509.next) { LocalAuthority($0) }
    }
  }

  /// Removes the tainted OLD authority from the bundle.
  package func revokeX509Authority(id: String) async throws -> LocalAuthority {
    try checkOwnRoot("revoked")
    return try await exclusively {
      guard !id.isEmpty else { throw Self.invalid("no authority ID provided") }
      guard id != x509.current.authority?.authorityID else { throw Self.invalid("unable to use current authority") }
      guard id == x509.next.authority?.authorityID, x509.next.status == .old else {
        throw Self.invalid("only Old local authority can be revoked")
      }
      try await stored("revoke X.509 authority") { () async throws(DatastoreError) in
        try await datastore.revokeX509Authority(subjectKeyID: id, of: trustDomain)
      }
      await rotationEnded(from: id)
      log.info("X.509 authority revoked", metadata: ["local_authority_id": "\(id)"])
      return try Self.authority(x509.next) { LocalAuthority($0) }
    }
  }

  // MARK: JWT

  package func jwtAuthorities() throws(AuthorityError) -> LocalAuthorities { try authorities(.jwt) }
  package func prepareJWTAuthority() async throws -> LocalAuthority { try await prepareAuthority(.jwt) }
  /// As ``activateX509Authority(id:beginsRotation:confirm:)``.
  package func activateJWTAuthority(
    id: String, beginsRotation: Bool = false, confirm: @Sendable ([String]) async throws -> Void = { _ in }
  ) async throws -> LocalAuthority {
    try await activateAuthority(.jwt, id: id, beginsRotation: beginsRotation, confirm: confirm)
  }
  package func taintJWTAuthority(id: String) async throws -> LocalAuthority { try await taintAuthority(.jwt, id: id) }
  package func revokeJWTAuthority(id: String) async throws -> String { try await revokeAuthority(.jwt, id: id) }

  // MARK: Rules of all kinds

  /// Changes the stored bundle; a refusal says what was tried.
  func stored<T: Sendable>(
    _ what: String, _ change: () async throws(DatastoreError) -> T
  ) async throws(AuthorityError) -> T {
    do throws(DatastoreError) { return try await change() } catch {
      throw AuthorityError(.internal, "failed to \(what): \(error.message)", cause: error)
    }
  }

  private func checkOwnRoot(_ what: String) throws(AuthorityError) {
    guard configuration.upstream == nil else {
      throw AuthorityError(
        .failedPrecondition, "local authority can't be \(what) if there is an upstream authority")
    }
  }

  static func authorities<A>(
    _ slots: AuthoritySlots<A>, _ show: (A) -> LocalAuthority
  ) throws(AuthorityError) -> LocalAuthorities {
    try checkInitialized(slots)
    var result = LocalAuthorities(active: try authority(slots.current, show))
    switch slots.next.status {
    case .prepared: result.prepared = slots.next.authority.map(show)
    case .old: result.old = slots.next.authority.map(show)
    case .active: break
    }
    return result
  }

  static func authority<A>(
    _ slot: AuthoritySlots<A>.Slot, _ show: (A) -> LocalAuthority
  ) throws(AuthorityError) -> LocalAuthority {
    guard let authority = slot.authority else {
      throw AuthorityError(.internal, "current slot does not contain authority ID")
    }
    return show(authority)
  }

  static func checkInitialized<A>(_ slots: AuthoritySlots<A>) throws(AuthorityError) {
    guard slots.current.status == .active else { throw AuthorityError(.unavailable, "server is initializing") }
  }

  static func checkActivation<A>(_ slots: AuthoritySlots<A>, _ id: String) throws(AuthorityError) {
    guard !id.isEmpty else { throw AuthorityError(.invalidArgument, "no authority ID provided") }
    guard id == slots.next.authority?.authorityID else {
      throw AuthorityError(.invalidArgument, "unexpected authority ID")
    }
    guard slots.next.status == .prepared else {
      throw AuthorityError(
        .internal,
        "only Prepared authorities can be activated: unsupported local authority status: \(slots.next.status.rawValue)")
    }
  }

  static func checkTaint<A>(_ slots: AuthoritySlots<A>, _ id: String) throws(AuthorityError) {
    guard !id.isEmpty else { throw AuthorityError(.invalidArgument, "no authority ID provided") }
    guard id != slots.current.authority?.authorityID else {
      throw AuthorityError(.invalidArgument, "unable to taint current local authority")
    }
    guard id == slots.next.authority?.authorityID else {
      throw AuthorityError(.invalidArgument, "unexpected authority ID")
    }
    guard slots.next.status == .old else {
      throw AuthorityError(
        .invalidArgument,
        "only Old local authorities can be tainted: unsupported local authority status: \(slots.next.status.rawValue)")
    }
  }

  static func invalid(_ reason: String) -> AuthorityError {
    AuthorityError(.invalidArgument, "invalid authority ID: " + reason)
  }
}
