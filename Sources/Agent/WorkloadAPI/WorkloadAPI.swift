package import Daemon
package import Logging
package import SPIFFE
import Synchronization

/// The Workload API without its wire: who is asking, what they are entitled to, and the messages they get
/// (agent-behaviour §11). ``WorkloadAPIService`` puts it on gRPC.
///
/// Shared by all calls; what changes lives in the parts it holds, and in a rate limit behind a lock.
package final class WorkloadAPI: Sendable {
  /// The settings that workloads notice. A value.
  package struct Options: Sendable {
    /// Callers without an identity may have the own trust domain's bundles.
    package var allowsUnauthenticatedVerifiers = false
    /// Claims of foreign trust domains' tokens that ValidateJWTSVID passes on.
    package var allowedForeignClaims: Set<String> = []
    package var disclosure = SelectorDisclosure()
    package var rateLimits = WorkloadRateLimit.Limits()

    package init() {}
  }

  /// One call: who makes it and where to log.
  package struct Call: Sendable {
    package let method: WorkloadMethod
    package let caller: any WorkloadCaller
    private let makeLogger: @Sendable () -> Logger

    /// - Parameter logger: has the fields `method`, `pid`, `service` and `subsystem_name`; made when there is something
    ///   to log, which most calls do not have.
    package init(
      method: WorkloadMethod, caller: any WorkloadCaller, logger: @escaping @autoclosure @Sendable () -> Logger
    ) {
      self.method = method
      self.caller = caller
      makeLogger = logger
    }

    package var logger: Logger { makeLogger() }
  }

  let attestation: WorkloadAttestation
  let cache: WorkloadCacheStore
  let issuer: JWTSVIDIssuer
  /// Nil without the feature flag `wit-svid`.
  let witIssuer: WITSVIDIssuer?
  let earlySync: EarlySync
  let trustDomain: TrustDomain
  let options: Options
  let time: any TimeSource
  let metrics: Metrics
  private let connections: APIConnections
  private let limit: Mutex<WorkloadRateLimit>

  package init(
    attestation: WorkloadAttestation, cache: WorkloadCacheStore, issuer: JWTSVIDIssuer,
    witIssuer: WITSVIDIssuer? = nil, earlySync: EarlySync, trustDomain: TrustDomain, options: Options,
    time: any TimeSource, metrics: Metrics
  ) {
    self.attestation = attestation
    self.cache = cache
    self.issuer = issuer
    self.witIssuer = witIssuer
    self.earlySync = earlySync
    self.trustDomain = trustDomain
    self.options = options
    self.time = time
    self.metrics = metrics
    connections = APIConnections("workload_api", metrics: metrics)
    limit = Mutex(WorkloadRateLimit(options.rateLimits))
  }

  // MARK: What all methods begin with

  /// Asked before records are made that nobody may see.
  var logsDebug: Bool { attestation.logsDebug }

  /// Counts a call while it lasts.
  func counted<T>(
    _ call: Call, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> T
  ) async rethrows -> T {
    if call.caller.isSelf { return try await body() }
    return try await connections.counted(body)
  }

  /// A stream begins that ends when its feed is closed.
  func streamBegins(_ call: Call) { if !call.caller.isSelf { connections.begin() } }

  func streamEnds(_ call: Call) { if !call.caller.isSelf { connections.end() } }

  /// Whether refusals are recorded with the caller's selectors.
  var explainsRefusals: Bool { logsDebug || !options.disclosure.prefixes.isEmpty }

  /// The caller's selectors, after its rate limit.
  func attest(_ call: Call) async throws(AgentError) -> [Selector] {
    let selectors: [Selector]
    do {
      selectors = try await attestation.selectors(of: call.caller)
    } catch {
      call.logger.error("Workload attestation failed", metadata: ["error": "\(error.message)"])
      // It is not the process that connected: nothing of what comes over the connection is its doing.
      if error.code == .unauthenticated { call.caller.disconnect() }
      throw AgentError(.unavailable, "workload attestation failed", cause: error)
    }
    guard !call.caller.isSelf, options.rateLimits[method: call.method] > 0 else { return selectors }
    let key = Set(selectors)
    guard limit.withLock({ $0.allow(call.method, key, now: time.now) }) else {
      metrics.incrementCounter(
        ["workload_api", "rate_limit_exceeded"], labels: [MetricLabel("method", call.method.rawValue)])
      throw AgentError(.unavailable, "rate limit exceeded for \(call.method.fullName)")
    }
    return selectors
  }

  /// Before a caller is told that it has no identity, the server is asked once more: its entry may be a moment old.
  func lookAgain(_ call: Call, isNeeded: () -> Bool) async {
    guard !call.caller.isSelf, isNeeded() else { return }
    await earlySync.request()
  }

  /// Logs that the caller gets nothing, and why; returns what to tell it.
  func noIdentity(_ call: Call, _ selectors: [Selector]) -> AgentError {
    if !call.caller.isSelf {
      var fields: Logger.Metadata = ["registered": "false"]
      let visible = options.disclosure.visible(selectors)
      if !visible.isEmpty { fields["selectors"] = "\(WorkloadAttestation.text(visible))" }
      call.logger.error("No identity issued", metadata: fields)
      if logsDebug, !selectors.isEmpty { explain(call, selectors) }
    }
    return AgentError(.permissionDenied, "no identity issued")
  }

  /// Says which entry came nearest and what it asks for that the workload does not have.
  private func explain(_ call: Call, _ selectors: [Selector]) {
    guard let (entry, missing) = cache.nearestEntry(Set(selectors)) else {
      call.logger.debug("No entry is authorized for this agent", metadata: ["entries": "\(cache.entryCount)"])
      return
    }
    call.logger.debug(
      "Nearest entry does not match the workload",
      metadata: [
        "entry_id": "\(entry.id)", "spiffe_id": "\(entry.spiffeID)",
        "missing_selectors": "\(WorkloadAttestation.text(missing))",
      ])
  }
}
