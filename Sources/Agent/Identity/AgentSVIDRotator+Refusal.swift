import AgentPlugins
import Daemon
import FoundationEssentials
import Logging
import SPIFFE

/// What becomes of an agent that its server refuses, or whose SVID ran out: it attests again where that is possible, goes on
/// for its workloads while they have something, and ends where upstream's agent ends (docs/agent-life.md).
extension AgentSVIDRotator {
  /// Does what the server's reason for refusing this agent asks for (agent-behaviour §6.3): nothing, or attesting
  /// again.
  ///
  /// - Throws: ``AgentError`` `fatal` when the agent has to end; its stored SVID is forgotten then.
  package func recover(from failure: AgentError) async throws {
    guard let denial = failure.denial else { return }
    switch denial.consequence {
    case .retry: return
    case .shutDown: try await giveUp("the server banned this agent", failure)
    case .reattest:
      if denial == .agentExpired, !identity.svid.reattestable, time.now < identity.svid.notAfter {
        // A token works once: for a wrong clock, maybe the server's, the agent does not end while its SVID is valid.
        return logger.error(
          "The server says that the agent's SVID has expired, and it has not: compare the clocks of both machines",
          metadata: ["expires_at": "\(GoTime.rfc3339(identity.svid.notAfter))"])
      }
      logger.warning("The server does not accept the agent's SVID", metadata: ["error": "\(failure.message)"])
      let isNew = await attestation.attestor.hasNewProof()
      guard identity.svid.reattestable || denial == .agentMustReattest || isNew else {
        let need = attestation.need(of: identity.svid.id)
        return try await serveOnOrGiveUp("its node attestation cannot be repeated; \(need)", failure)
      }
      if isRotating { return }
      isRotating = true
      defer { isRotating = false }
      do { try await reattestNow() } catch {
        let second = AgentError.wrapping(error)
        // An unreachable server is no reason to forget who we are.
        if second.isUnreachable { return }
        let why = "reattestation failed: \(second.message)"
        if second.code == .permissionDenied { try await giveUp(why, failure) }
        try await serveOnOrGiveUp(why, failure)
      }
    }
  }

  /// SPIRE: gives up. Workloads keep what they have here until it expires; the stored SVID stays, for a server that
  /// accepts it again.
  private func serveOnOrGiveUp(_ why: String, _ failure: AgentError) async throws {
    guard !servesOn("\(why) (\(failure.message))") else { return }
    try await giveUp(why, failure)
  }

  private func giveUp(_ why: String, _ failure: AgentError) async throws -> Never {
    try await attestation.storage.deleteSVID()
    throw AgentError(.fatal, "Agent cannot go on: \(why) (\(failure.message))", cause: failure)
  }

  /// An SVID expired and cannot be replaced now. Returns while that is to be borne.
  ///
  /// - Throws: ``AgentError`` `fatal` when the agent has to end.
  func bear(_ failure: AgentError, of svid: AgentSVID, _ what: String) throws(AgentError) {
    // SPIRE: ends. A machine that wakes up may not have its network yet; the next try may succeed.
    if svid.reattestable, failure.isUnreachable { return }
    let text = svid.reattestable ? what : "\(what); \(attestation.need(of: svid.id))"
    guard servesOn(text) else { throw AgentError(.fatal, text, cause: failure) }
  }

  /// Whether workloads still have valid SVIDs here, for which the agent goes on. Says so, every ten minutes.
  private func servesOn(_ why: String) -> Bool {
    guard let end = servedUntil(), end > time.now else { return false }
    if let saidSo, time.steady - saidSo < .seconds(600) { return true }
    saidSo = time.steady
    logger.error(
      "Agent cannot go on; it ends when the last X509-SVID of its workloads has expired",
      metadata: ["error": "\(why)", "expires_at": "\(GoTime.rfc3339(end))"])
    return true
  }

  /// The server closes connections that show the agent's SVID: its bundle lacks the authority, as after it was restored
  /// from a backup. Attests again where that is possible, once this has lasted for some time; else says what is needed.
  ///
  /// - Parameter isRunning: whether workloads are served; an agent that starts has nothing to wait for.
  /// - Returns: whether the agent has another SVID now.
  @discardableResult
  func refusedInHandshake(_ failure: AgentError, isRunning: Bool = true) async -> Bool {
    let now = time.steady
    guard let since = refusedSince ?? (isRunning ? nil : now) else {
      refusedSince = now
      return false
    }
    // Servers of one trust domain learn of each other's authorities within seconds.
    guard now - since >= .seconds(isRunning ? 20 : 0), !isRotating else { return false }
    refusedSince = now
    let svid = identity.svid
    let isNew = await attestation.attestor.hasNewProof()
    guard svid.reattestable || isNew else {
      let need = attestation.need(of: svid.id)
      logger.error(
        "The server does not accept the agent's certificate; if it was restored from a backup, or got another CA, the agent has to attest anew",
        metadata: ["error": "\(failure.message)", "needed": "\(need)"])
      return false
    }
    isRotating = true
    defer { isRotating = false }
    do {
      try await reattestNow()
      return true
    } catch {
      logger.error("Could not attest again", metadata: ["error": "\(AgentError.wrapping(error).message)"])
      return false
    }
  }

  /// The server answered: what was refused before is not any more.
  func accepted() {
    refusedSince = nil
    saidSo = nil
  }
}
