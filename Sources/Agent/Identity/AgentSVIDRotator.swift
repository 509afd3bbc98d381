package import Daemon
import FoundationEssentials
import Keys
package import Logging
import SPIFFE

/// Replaces the agent's SVID in time (agent-behaviour §5): by RenewAgent, or by attesting again where the node can.
///
/// The manager runs it and asks it to attest again when the server no longer accepts the SVID. An actor: one rotation
/// at a time.
package actor AgentSVIDRotator {
  /// How often it looks.
  package static let period: Duration = .seconds(5)

  private let identity: AgentIdentity
  private let attestation: NodeAttestation
  private let server: any ServerAPI
  private let time: any TimeSource
  private let clock: ClockWatch
  private let random: Randomness
  private let metrics: Metrics
  private let logger: Logger
  /// Told when the agent has a new SVID.
  private let replaced: @Sendable () -> Void
  private var isRotating = false

  package init(
    identity: AgentIdentity, attestation: NodeAttestation, server: any ServerAPI, time: any TimeSource,
    clock: ClockWatch,
    random: Randomness, metrics: Metrics, logger: Logger, replaced: @escaping @Sendable () -> Void = {}
  ) {
    self.server = server
    self.replaced = replaced
    self.identity = identity
    self.attestation = attestation
    self.time = time
    self.clock = clock
    self.random = random
    self.metrics = metrics
    self.logger = logger
  }

  /// Checks and rotates until the task is cancelled; throws when the agent cannot go on.
  package func run() async throws {
    var backoff = RetryBackoff(initial: Self.period, maximum: .seconds(120))
    while true {
      let wait = backoff.next(random)
      try await identity.rotationNeeded.wait(atMost: wait, time)
      do {
        try await rotateIfDue()
        backoff.reset()
      } catch {
        try Task.checkCancellation()
        let failure = AgentError.wrapping(error)
        if failure.code == .fatal { throw failure }
        logger.error("Could not rotate agent SVID", metadata: ["error": "\(failure.message)"])
        try await recover(from: failure)
      }
    }
  }

  /// Rotates when it is time.
  package func rotateIfDue() async throws {
    clock.check()
    // Logged when it failed first; a disk that is still full is no news.
    try? await attestation.storage.catchUp()
    guard identity.isDue(at: time.now), !isRotating else { return }
    isRotating = true
    defer { isRotating = false }
    let svid = identity.svid
    let how = svid.reattestable ? "reattest" : "rotate"
    do {
      if svid.reattestable {
        try await reattestNow()
      } else {
        try await metrics.call(["agent_svid", "rotate"]) { try await renew(svid) }
      }
    } catch {
      let failure = AgentError.wrapping(error)
      clock.check()
      // A clock that was just set says nothing final: the SVID may still be good by the right time.
      guard time.now >= svid.notAfter, !clock.isInDoubt else { throw failure }
      throw AgentError(
        .fatal, "current SVID has already expired and \(how) agent failed: \(failure.message)", cause: failure)
    }
  }

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
      guard identity.svid.reattestable || denial == .agentMustReattest else {
        try await giveUp(
          "its node attestation cannot be repeated; give the agent a new join token and start it again", failure)
      }
      if isRotating { return }
      isRotating = true
      defer { isRotating = false }
      do { try await reattestNow() } catch {
        let second = AgentError.wrapping(error)
        // An unreachable server is no reason to forget who we are.
        if [.unavailable, .deadlineExceeded, .canceled].contains(second.code) { return }
        try await giveUp("reattestation failed: \(second.message)", failure)
      }
    }
  }

  private func giveUp(_ why: String, _ failure: AgentError) async throws -> Never {
    try await attestation.storage.deleteSVID()
    throw AgentError(.fatal, "Agent cannot go on: \(why) (\(failure.message))", cause: failure)
  }

  private func renew(_ current: AgentSVID) async throws {
    logger.debug("Rotating agent SVID")
    let key = try await attestation.newKey(beside: current.key)
    let csr = try await CertificateRequest.make(key: key, id: nil)
    let chain = try await server.renewAgent(csr: csr)
    let svid = try AgentSVID(chain: chain, key: key, reattestable: current.reattestable)
    guard svid.id == current.id else {
      throw AgentError(.malformed, "the server renewed the agent's SVID as \"\(svid.id)\" instead of \"\(current.id)\"")
    }
    await takeOver(svid)
    logger.info("Successfully rotated agent SVID", metadata: ["spiffe_id": "\(svid.id)"])
  }

  private func reattestNow() async throws {
    try await metrics.call(["node", "attest"]) {
      logger.debug("Reattesting node")
      let authorities = identity.bundle.x509Authorities.map(\.der)
      let result = try await attestation.attest(
        authorities: authorities, current: identity.svid.key)
      await takeOver(result.svid)
      logger.info("Successfully reattested node", metadata: ["spiffe_id": "\(result.svid.id)"])
    }
  }

  /// Stores first: after a crash the key manager's newest key and the stored SVID belong together. A disk that takes
  /// nothing does not cost the identity.
  private func takeOver(_ svid: AgentSVID) async {
    do {
      try await attestation.storage.keep { data in
        data.svid = svid.chain
        data.reattestable = svid.reattestable
      }
    } catch {
      logger.error(
        "Could not store the agent's SVID; it is used all the same and stored later",
        metadata: ["error": "\(error.message)"])
    }
    identity.replace(svid: svid)
    await server.releaseConnection()
    // The server counts it as the agent's from the first call on that shows it: soon, also where nobody polls.
    replaced()
  }
}
