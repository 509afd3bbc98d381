package import Daemon
import FoundationEssentials
package import Logging
import SPIFFE
import Synchronization

/// Hands out JWT-SVIDs: from the cache while they are young, else from the server (agent-behaviour §6.7, §8).
///
/// The Workload API calls it concurrently. For one identity and audience only one request is under way; the others
/// share its result. A lock isolates cache and waiters.
package final class JWTSVIDIssuer: Sendable {
  private typealias Outcome = Result<IssuedJWTSVID, AgentError>

  private struct State {
    var cache: JWTSVIDCache
    /// The requests under way, and who waits for each.
    var waiters: [JWTSVIDCache.Key: [CheckedContinuation<Outcome?, Never>]] = [:]
  }

  /// The time for a request to the server.
  package static let timeout: Duration = .seconds(30)

  private let server: any ServerAPI
  private let cacheHitTimeout: Duration
  private let time: any TimeSource
  private let random: Randomness
  private let metrics: Metrics
  private let logger: Logger
  private let state: Mutex<State>

  /// - Parameter cacheHitTimeout: the time for a request while a valid token is at hand (`jwt_svid_cache_hit_timeout`).
  package init(
    server: any ServerAPI, limit: Int = 1000, cacheHitTimeout: Duration = JWTSVIDIssuer.timeout, time: any TimeSource,
    random: Randomness, metrics: Metrics, logger: Logger
  ) {
    self.server = server
    self.cacheHitTimeout = cacheHitTimeout
    self.time = time
    self.random = random
    self.metrics = metrics
    self.logger = logger
    state = Mutex(State(cache: JWTSVIDCache(limit: limit)))
  }

  /// The callers that wait for another one's request.
  var waiterCount: Int { state.withLock { $0.waiters.values.reduce(0) { $0 + $1.count } } }

  package var cachedCount: Int { state.withLock { $0.cache.count } }

  /// Gives up the tokens that tainted keys signed; the number of them.
  package func taint(keyIDs: Set<String>) -> Int { state.withLock { $0.cache.removeSigned(by: keyIDs) } }

  /// A JWT-SVID of the entry's identity for this audience.
  package func svid(for entry: AgentEntry, audience: [String]) async throws -> IssuedJWTSVID {
    let key = JWTSVIDCache.Key(entry.spiffeID, audience: audience)
    let cached = state.withLock { $0.cache.value(key) }
    if let cached, !JWTSVIDCache.isDue(cached, at: time.now, random) { return cached }
    if let outcome = await join(key) { return try outcome.get() }
    let outcome = await request(entry, audience, key, cached)
    // When this caller gave up, another one has to ask.
    let isAbandoned = if case .failure(let error) = outcome { error.code == .canceled } else { false }
    let waiters = state.withLock { $0.waiters.removeValue(forKey: key) ?? [] }
    for waiter in waiters { waiter.resume(returning: isAbandoned ? nil : outcome) }
    return try outcome.get()
  }

  /// Waits for the request that is under way. Nil when the caller has to make it: there is none, or its maker gave up.
  private func join(_ key: JWTSVIDCache.Key) async -> Outcome? {
    while true {
      var leads = false
      let outcome = await withCheckedContinuation { (continuation: CheckedContinuation<Outcome?, Never>) in
        leads = state.withLock { state in
          guard state.waiters[key] != nil else {
            state.waiters[key] = []
            return true
          }
          state.waiters[key]?.append(continuation)
          return false
        }
        if leads { continuation.resume(returning: nil) }
      }
      if leads || outcome != nil { return outcome }
    }
  }

  private func request(
    _ entry: AgentEntry, _ audience: [String], _ key: JWTSVIDCache.Key, _ cached: IssuedJWTSVID?
  ) async -> Outcome {
    func valid() -> IssuedJWTSVID? { cached.flatMap { $0.expiresAt > time.now ? $0 : nil } }
    do {
      let svid = try await ask(entry, audience, within: valid() == nil ? Self.timeout : cacheHitTimeout)
      let count = state.withLock { state in
        state.cache.store(svid, for: key)
        return state.cache.count
      }
      metrics.setGauge(["jwt_svid_cache_size"], to: Double(count))
      return .success(svid)
    } catch {
      let failure = AgentError.wrapping(error)
      if Task.isCancelled { return .failure(AgentError(.canceled, "canceled", cause: error)) }
      // Only now: it may have expired while the server was asked.
      if let valid = valid() {
        logger.warning(
          "Unable to renew JWT; will use cached token",
          metadata: ["error": "\(failure.message)", "spiffe_id": "\(entry.spiffeID)"])
        return .success(valid)
      }
      guard cached != nil else { return .failure(failure) }
      return .failure(
        AgentError(
          failure.code, "unable to renew JWT for \"\(entry.spiffeID)\" (err=\(failure.message))", cause: failure))
    }
  }

  /// A token is handed on only if it is for this identity and audience.
  private static func check(_ svid: IssuedJWTSVID, _ entry: AgentEntry, _ audience: [String]) throws(AgentError) {
    let token: UnverifiedJWTSVID
    do { token = try JWTSVIDValidator.parseUnverified(svid.token) } catch {
      throw AgentError(.malformed, "the server issued a JWT-SVID that cannot be read: \(error.message)", cause: error)
    }
    guard token.id == entry.spiffeID, Set(audience).isSubset(of: token.audience) else {
      throw AgentError(
        .malformed,
        "the server issued a JWT-SVID of \"\(token.id)\" for \(token.audience) instead of "
          + "\"\(entry.spiffeID)\" for \(audience)")
    }
  }

  /// Asks the server, again and again while it fails in a way that may pass.
  private func ask(_ entry: AgentEntry, _ audience: [String], within limit: Duration) async throws -> IssuedJWTSVID {
    let (server, time, random) = (server, time, random)
    return try await withTimeout(limit, time, "the server did not issue a JWT-SVID in time") {
      var backoff = RetryBackoff(initial: .seconds(1), maximum: limit)
      while true {
        do {
          let svid = try await server.newJWTSVID(entryID: entry.id, audience: audience, timeout: limit)
          try Self.check(svid, entry, audience)
          return svid
        } catch {
          let failure = AgentError.wrapping(error)
          let final: Set<AgentError.Code> = [
            .unknown, .canceled, .deadlineExceeded, .invalidArgument, .unimplemented, .permissionDenied, .notFound,
            .malformed,
          ]
          if final.contains(failure.code) { throw failure }
          try await time.sleep(for: backoff.next(random))
        }
      }
    }
  }
}
