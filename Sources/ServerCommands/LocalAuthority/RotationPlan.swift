import SPIREProtos

/// What is to be done next to replace an authority, read off the states that the server shows, so that a rotation that was
/// interrupted goes on where it was. A value; ``LocalAuthorityRotate`` carries it out.
struct RotationPlan {
  enum Step: Equatable {
    case prepare
    /// Agents and servers do not have the prepared authority yet.
    case awaitKnown
    case activate
    case taint
    /// Something that the old authority signed may be in use.
    case awaitReplaced
    case revoke
    case finished
    /// It cannot go on by itself, for this reason.
    case blocked(String)
  }

  /// Whether this run has activated or revoked an authority: then it does not begin again.
  var hasActed = false

  func next(_ state: RotationClient.State) -> Step {
    if state.hasPrepared { return state.preparedKnown.complete ? .activate : .awaitKnown }
    guard state.hasOld, state.oldListed, !state.oldRoot.isEmpty, isUnderWay(state) else {
      return hasActed ? .finished : .prepare
    }
    if !state.oldTainted {
      if state.oldRootUsers.isEmpty { return .taint }
      return .blocked(
        "other servers sign below the root \(state.oldRoot): rotate there first (X.509 authorities "
          + state.oldRootUsers.joined(separator: ", ") + ")")
    }
    return Self.isReplaced(state) ? .revoke : .awaitReplaced
  }

  /// Whether the old authority is the one that a rotation replaces. One that a scheduled rotation left behind is not: it
  /// stays in the bundle until it has expired, as ever.
  private func isUnderWay(_ state: RotationClient.State) -> Bool {
    hasActed || state.oldTainted || state.rotatingFrom == state.old.authorityID
  }

  /// Whether nothing that the old authority signed is in use any more, as far as can be known: the agents say so, or all of
  /// it has expired.
  static func isReplaced(_ state: RotationClient.State) -> Bool {
    state.serverSvidReplaced && (state.hasOldReplaced && state.oldReplaced.complete || state.now > state.oldLastUse)
  }

  /// The steps that are left, in words.
  func outline(_ state: RotationClient.State, _ kind: AuthorityReport.Kind) -> [String] {
    var steps: [String] = []
    func withdrawal(of id: String) -> [String] {
      [
        "taint \(id): agents replace what it signed", "wait until that is replaced, or has expired",
        "revoke \(id): it leaves the bundle",
      ]
    }
    let next = next(state)
    if next == .prepare { steps.append("prepare a new authority and publish it in the bundle") }
    switch next {
    case .prepare, .awaitKnown, .activate:
      steps.append("wait until all agents and servers have it")
      let id = state.hasPrepared ? state.prepared.authorityID : "the new authority"
      steps.append("activate \(id): it signs from then on")
      if state.hasUpstream_p, kind == .x509 {
        steps.append("if another root stands above it, taint and revoke the one before; otherwise nothing is withdrawn")
      } else {
        steps += withdrawal(of: state.active.authorityID)
      }
    case .taint: steps += withdrawal(of: state.oldRoot)
    case .awaitReplaced: steps += withdrawal(of: state.oldRoot).dropFirst()
    case .revoke: steps += withdrawal(of: state.oldRoot).suffix(1)
    case .finished, .blocked: break
    }
    return steps
  }
}
