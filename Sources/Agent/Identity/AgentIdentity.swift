package import FoundationEssentials
package import SPIFFE
import Synchronization

/// Owns what the agent is at the moment: its SVID and the bundle it trusts. Attestation and rotation write it,
/// connections to the server read it. A lock isolates it.
package final class AgentIdentity: Sendable {
  private struct State {
    var svid: AgentSVID
    var rotationTime: Date
    var isTainted = false
    /// The tainted authorities, by subject key identifier.
    var taintedKeyIDs: Set<[UInt8]> = []

    /// Whether a tainted authority signed the SVID.
    var isSignedByTainted: Bool {
      CertificateFacts.authorityKeyIDs(ofChain: svid.chain).contains(where: taintedKeyIDs.contains)
    }
    var bundle: Bundle
  }
  private let state: Mutex<State>
  private let policy: RotationPolicy
  private let random: Randomness
  /// Rung when the SVID is to be replaced before its time.
  package let rotationNeeded = Wakeup()

  package init(svid: AgentSVID, bundle: Bundle, policy: RotationPolicy, random: Randomness) {
    self.policy = policy
    self.random = random
    let rotationTime = policy.rotationTime(notBefore: svid.notBefore, notAfter: svid.notAfter, random)
    state = Mutex(State(svid: svid, rotationTime: rotationTime, bundle: bundle))
  }

  package var svid: AgentSVID { state.withLock { $0.svid } }
  /// From when on the SVID is to be replaced.
  package var rotationTime: Date { state.withLock { $0.rotationTime } }
  package var bundle: Bundle { state.withLock { $0.bundle } }

  /// Whether the SVID is to be replaced now.
  package func isDue(at now: Date) -> Bool { state.withLock { $0.isTainted || $0.rotationTime <= now } }

  package func replace(svid: AgentSVID, bundle: Bundle? = nil) {
    let rotationTime = policy.rotationTime(notBefore: svid.notBefore, notAfter: svid.notAfter, random)
    state.withLock { state in
      state.svid = svid
      state.rotationTime = rotationTime
      state.isTainted = !state.taintedKeyIDs.isEmpty && state.isSignedByTainted
      if let bundle { state.bundle = bundle }
    }
  }

  /// Takes over the trust domain's bundle; true if it differs from the one before.
  package func replace(bundle: Bundle) -> Bool {
    state.withLock { state in
      if state.bundle == bundle { return false }
      state.bundle = bundle
      return true
    }
  }

  /// Whether a tainted authority signed the SVID, which is to be replaced.
  package var isTainted: Bool { state.withLock { $0.isTainted } }

  /// Has the SVID replaced if one of the tainted authorities, which these are, signed it. Whether it is to be.
  package func taint(keyIDs: Set<[UInt8]>) -> Bool {
    let isHit = state.withLock { state in
      state.taintedKeyIDs = keyIDs
      let isHit = state.isSignedByTainted
      if isHit { state.isTainted = true }
      return isHit
    }
    if isHit { rotationNeeded.ring() }
    return isHit
  }
}
