package import Authority
import Daemon
import DatastoreAPI
import FoundationEssentials

/// How API methods ask who has heard of an authority, and activate one.
extension ServerParts {
  /// How long an activation waits for agents that poll and for servers that were just asked, and how often it looks.
  package static let activationPatience = Duration.seconds(10)
  private static let activationInterval = Duration.milliseconds(200)

  /// Lets a prepared authority sign, once the agents have it.
  ///
  /// - Parameters:
  ///   - force: whatever the agents have.
  ///   - beginsRotation: the journal remembers which authority is replaced.
  /// - Throws: ``AuthorityError``: failedPrecondition when agents or servers have not confirmed that they have it.
  package func activate(
    _ kind: AuthorityKind, id: String, force: Bool = false, beginsRotation: Bool = false
  ) async throws -> LocalAuthority {
    let confirm: @Sendable ([String]) async throws -> Void = { ids in
      if !force { try await self.requireConfirmation(AuthorityQuestion(kind, ids, .known)) }
    }
    switch kind {
    case .x509:
      return try await caManager.activateX509Authority(id: id, beginsRotation: beginsRotation, confirm: confirm)
    case .jwt:
      return try await caManager.activateJWTAuthority(id: id, beginsRotation: beginsRotation, confirm: confirm)
    }
  }

  private func requireConfirmation(_ question: AuthorityQuestion) async throws {
    let start = time.steady
    while true {
      let confirmation = await rollCall.ask(question)
      if confirmation.isComplete { return }
      guard time.steady - start < options.activationPatience else {
        let what = confirmation.description(now: Int64(time.now.timeIntervalSince1970))
        throw AuthorityError(
          .failedPrecondition,
          "the \(question.kind.rawValue) authority is not activated yet: \(what). What it signs would not be accepted "
            + "there. Try again later, or use the flag -force of swift-spire's command activate")
      }
      try await time.sleep(for: Self.activationInterval)
    }
  }

  /// When the last credential may end that an authority signed, Unix seconds: what was signed since the start is known,
  /// what was signed before lives for the longest time that any entry allows.
  func lastUse(of state: RotationState, _ kind: AuthorityKind) -> Int64 {
    guard let old = state.authorities.old else { return 0 }
    var end = state.oldLastEnd ?? 0
    if state.oldSignedEarlier {
      let credentials = authority.configuration
      let longest: Int64
      switch kind {
      case .x509:
        let agents = credentials.agentTTL ?? credentials.x509SVIDTTL
        let workloads = entries.read { model in model.entries.lazy.map { Int64($0.x509SVIDTTL) }.max() ?? 0 }
        longest = max(Int64(max(agents, credentials.x509SVIDTTL).seconds), workloads)
      case .jwt:
        let workloads = entries.read { model in model.entries.lazy.map { Int64($0.jwtSVIDTTL) }.max() ?? 0 }
        longest = max(Int64(credentials.jwtSVIDTTL.seconds), workloads)
      }
      end = max(end, Int64(startedAt.timeIntervalSince1970) + longest)
    }
    return min(end, old.expiresAt)
  }
}
