package import AgentPlugins
package import Daemon
import FoundationEssentials
package import Keys
package import Logging
package import SPIFFE

/// Gets the agent its first identity, or takes up the stored one (agent-behaviour §2, §3). The runtime uses it at
/// start, the rotator to attest again. Stateless between calls; the storage has the state.
package struct NodeAttestation: Sendable {
  package let trustDomain: TrustDomain
  package let attestor: any NodeAttestor
  package let bootstrap: BootstrapBundle
  package let server: any AttestationAPI
  package let storage: AgentStorage
  package let keyManager: any KeyManager
  package let time: any TimeSource
  package let metrics: Metrics
  package let logger: Logger

  package init(
    trustDomain: TrustDomain, attestor: any NodeAttestor, bootstrap: BootstrapBundle,
    server: any AttestationAPI, storage: AgentStorage, keyManager: any KeyManager, time: any TimeSource,
    metrics: Metrics, logger: Logger
  ) {
    self.trustDomain = trustDomain
    self.attestor = attestor
    self.bootstrap = bootstrap
    self.server = server
    self.storage = storage
    self.keyManager = keyManager
    self.time = time
    self.metrics = metrics
    self.logger = logger
  }

  /// One attempt: the stored SVID when it is still good, else a full attestation.
  package func attempt() async throws -> (svid: AgentSVID, bundle: Bundle) {
    let stored = await storage.current
    let authorities = try await bootstrapAuthorities(stored)
    logger.info("Bundle loaded", metadata: ["trust_domain_id": "\(trustDomain.idString)"])
    if let svid = try await storedSVID(stored), !stored.bundle.isEmpty {
      let bundle = Bundle(trustDomain: trustDomain, x509Authorities: stored.bundle.map { X509Authority(der: $0) })
      return (svid, bundle)
    }
    logger.info(
      "SVID is not found. Starting node attestation", metadata: ["trust_domain_id": "\(trustDomain.idString)"])
    let result: (svid: AgentSVID, bundle: Bundle)
    do { result = try await attest(authorities: authorities, current: nil) } catch let error as AgentPluginError
      where error.code == .failedPrecondition
    {
      // What is missing here no repetition brings.
      throw AgentError(.fatal, error.message, cause: error)
    }
    logger.info(
      "Node attestation was successful",
      metadata: [
        "reattestable": "\(result.svid.reattestable)", "spiffe_id": "\(result.svid.id)",
        "trust_domain_id": "\(trustDomain.idString)",
      ])
    return result
  }

  /// A full attestation with a new key. It does not touch the stored SVID.
  ///
  /// - Parameters:
  ///   - authorities: what the server is verified with; nil for insecure bootstrap.
  ///   - current: the key in use, if there is one.
  package func attest(
    authorities: [[UInt8]]?, current: (any ManagedKey)?
  ) async throws -> (svid: AgentSVID, bundle: Bundle) {
    try await metrics.call(["node", "attestor", "new_svid"], labels: [MetricLabel("attestor", attestor.name)]) {
      let key = try await newKey(beside: current)
      let csr = try await CertificateRequest.make(key: key, id: nil)
      let result: AttestationResult
      do {
        result = try await attestor.attest { [server, attestor] evidence in
          try await server.attest(
            AttestationRequest(
              type: attestor.name, payload: evidence.payload, csr: csr, authorities: authorities,
              respond: evidence.respond))
        }
      } catch let error as AgentPluginError where error.code == .unavailable || error.code == .deadlineExceeded {
        // What the node proves itself with is away for now, such as another agent's socket: as if the server were.
        throw AgentError(.unavailable, error.message, cause: error)
      } catch {
        throw explained(AgentError.wrapping(error))
      }
      guard !result.chain.isEmpty else { throw AgentError(.malformed, "empty SVID chain returned by the server") }
      let svid = try AgentSVID(chain: result.chain, key: key, reattestable: result.reattestable)
      guard svid.id.isMember(of: trustDomain) else {
        throw AgentError(
          .malformed, "the server issued \"\(svid.id)\", which is not in trust domain \"\(trustDomain)\"")
      }
      guard result.bundle.trustDomain == trustDomain, !result.bundle.x509Authorities.isEmpty else {
        throw AgentError(.malformed, "the server returned no bundle of trust domain \"\(trustDomain)\"")
      }
      return (svid, result.bundle)
    }
  }

  /// A refusal with what an operator has to do, where only an operator can help.
  private func explained(_ failure: AgentError) -> AgentError {
    guard failure.code == .invalidArgument, attestor.name == JoinTokenAttestor.pluginName else { return failure }
    return AgentError(failure.code, "\(failure.message); \(JoinTokenAttestor.advice)", cause: failure.cause)
  }

  /// What has to be done for a node that cannot attest again, in one sentence.
  package func need(of id: SPIFFEID) -> String {
    attestor.name == JoinTokenAttestor.pluginName
      ? JoinTokenAttestor.advice
      : "let this node attest anew: `spire-server agent evict -spiffeID \(id)` on the server, then start the agent again"
  }

  /// A new key in the slot that is free. When it cannot be made, the disk being full or the key service away, the key in
  /// use goes on: an agent with an old key is better off than one whose SVID runs out.
  package func newKey(beside current: (any ManagedKey)?) async throws -> any ManagedKey {
    do {
      return try await keyManager.generateKey(id: AgentKeySlots.next(after: current?.id), type: .ecP256)
    } catch {
      guard let current, !(error is CancellationError) else { throw error }
      logger.error(
        "Could not make a new key for the agent's SVID; the current key is used again",
        metadata: ["error": "\(error)"])
      return current
    }
  }

  /// The authorities for the first contact: the stored bundle, else the configured source. Counts the attempt.
  private func bootstrapAuthorities(_ stored: AgentData) async throws -> [[UInt8]]? {
    if !stored.bundle.isEmpty { return stored.bundle }
    let now = GoTime.rfc3339(time.now, nanos: true)
    try await storage.update { data in
      if data.bootstrapUse == .unspecified { data.bootstrapUse = .bootstrap }
      if data.bootstrapStartTime == AgentData.noTime { data.bootstrapStartTime = now }
      data.connectionAttempts += 1
    }
    let data = await storage.current
    Rebootstrap.report(data, to: metrics)
    let start = GoTime.parseRFC3339(data.bootstrapStartTime).map { GoTime.rfc3339($0) } ?? data.bootstrapStartTime
    return try await bootstrap.authorities(
      BootstrapBundle.Attempt(
        isRebootstrap: data.bootstrapUse == .rebootstrap, count: Int(clamping: data.connectionAttempts), start: start))
  }

  private func storedSVID(_ stored: AgentData) async throws -> AgentSVID? {
    guard let leaf = stored.svid.first else {
      logger.debug("No pre-existing agent SVID found. Will perform node attestation")
      return nil
    }
    let facts = try CertificateFacts(leaf: leaf)
    guard facts.id.isMember(of: trustDomain) else {
      throw AgentError(
        .fatal,
        "the stored SVID \"\(facts.id)\" belongs to another trust domain than \"\(trustDomain)\"; use another data_dir "
          + "or remove \(storage.path)")
    }
    for slot in [AgentKeySlots.a, AgentKeySlots.b] {
      guard let key = try await keyManager.key(id: slot), key.publicKey.pkix == facts.publicKey else { continue }
      let svid = try AgentSVID(chain: stored.svid, key: key, reattestable: stored.reattestable)
      if !svid.isExpired(at: time.now) { return svid }
      logger.warning(
        "Stored SVID has expired. Will perform node attestation", metadata: ["spiffe_id": "\(svid.id)"])
      return nil
    }
    logger.warning(
      "Private key recovered from the key manager does not match the stored SVID. Will perform node attestation",
      metadata: ["spiffe_id": "\(facts.id)"])
    return nil
  }
}
