import AgentPlugins
package import Daemon
package import FoundationEssentials
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

  let identity: AgentIdentity
  let attestation: NodeAttestation
  private let server: any ServerAPI
  let time: any TimeSource
  private let clock: ClockWatch
  private let random: Randomness
  private let metrics: Metrics
  let logger: Logger
  /// Until when the last X509-SVID of a workload is valid.
  let servedUntil: @Sendable () -> Date?
  /// Told when the agent has a new SVID.
  private let replaced: @Sendable () -> Void
  var isRotating = false
  /// The stored data was removed; maybe its keys were, too, and new ones are needed.
  private var isStorageGone = false
  /// When the log said last that the agent only goes on for its workloads.
  var saidSo: Duration?
  /// Since when the server refuses the agent's certificate before it listens.
  var refusedSince: Duration?

  package init(
    identity: AgentIdentity, attestation: NodeAttestation, server: any ServerAPI, time: any TimeSource,
    clock: ClockWatch,
    random: Randomness, metrics: Metrics, logger: Logger,
    servedUntil: @escaping @Sendable () -> Date? = { nil }, replaced: @escaping @Sendable () -> Void = {}
  ) {
    self.servedUntil = servedUntil
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
    if await attestation.storage.noticeRemoval() {
      logger.error(
        "The agent's data was removed while it runs; it is written again, with a new key",
        metadata: ["path": "\(attestation.storage.path)"])
      isStorageGone = true
    }
    // Logged when it failed first; a disk that is still full is no news.
    try? await attestation.storage.catchUp()
    guard identity.isDue(at: time.now) || isStorageGone, !isRotating else { return }
    isRotating = true
    defer { isRotating = false }
    let svid = identity.svid
    let how = svid.reattestable ? "reattest" : "rotate"
    do {
      if try await canAttest(svid) {
        try await reattestNow()
      } else {
        try await metrics.call(["agent_svid", "rotate"]) { try await renew(svid) }
      }
    } catch {
      let failure = AgentError.wrapping(error)
      clock.check()
      // A clock that was just set says nothing final: the SVID may still be good by the right time.
      guard time.now >= svid.notAfter, !clock.isInDoubt else { throw failure }
      try bear(failure, of: svid, "current SVID has already expired and \(how) agent failed: \(failure.message)")
      throw failure
    }
  }

  /// Whether to attest again instead of renewing: where the node can, or was given something new when nothing else helps.
  private func canAttest(_ svid: AgentSVID) async throws -> Bool {
    if svid.reattestable { return true }
    return time.now >= svid.notAfter ? await attestation.attestor.hasNewProof() : false
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

  func reattestNow() async throws {
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
    isStorageGone = false
    accepted()
    await server.releaseConnection()
    // The server counts it as the agent's from the first call on that shows it: soon, also where nobody polls.
    replaced()
  }
}
