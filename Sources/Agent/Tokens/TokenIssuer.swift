package import Daemon
import FoundationEssentials
package import Logging
import Synchronization

/// Hands out tokens of one kind: from the cache while they are young, else from the server (agent-behaviour §6.7, §8).
///
/// ``JWTSVIDIssuer`` and ``WITSVIDIssuer`` say what to ask for; callers are concurrent. For one key only one request is
/// under way; the others share its result. A lock isolates cache and waiters.
package final class TokenIssuer<Key: Hashable & Sendable, Token: CachedToken>: Sendable {
  private typealias Outcome = Result<Token, AgentError>

  private struct State {
    var cache: TokenCache<Key, Token>
    /// The requests under way, and who waits for each.
    var waiters: [Key: [CheckedContinuation<Outcome?, Never>]] = [:]
  }

  /// `JWT` or `WIT`, for messages and metrics.
  private let kind: String
  private let cacheHitTimeout: Duration
  private let time: any TimeSource
  private let random: Randomness
  private let metrics: Metrics
  private let logger: Logger
  private let state: Mutex<State>

  /// - Parameter cacheHitTimeout: the time for a request while a valid token is at hand (`jwt_svid_cache_hit_timeout`).
  package init(
    kind: String, limit: Int, cacheHitTimeout: Duration, time: any TimeSource, random: Randomness, metrics: Metrics,
    logger: Logger
  ) {
    self.kind = kind
    self.cacheHitTimeout = cacheHitTimeout
    self.time = time
    self.random = random
    self.metrics = metrics
    self.logger = logger
    state = Mutex(State(cache: TokenCache(limit: limit)))
  }

  /// The callers that wait for another one's request.
  var waiterCount: Int { state.withLock { $0.waiters.values.reduce(0) { $0 + $1.count } } }

  /// The requests under way.
  var requestCount: Int { state.withLock { $0.waiters.count } }

  package var cachedCount: Int { state.withLock { $0.cache.count } }

  /// Gives up the tokens that tainted keys signed; the number of them.
  package func taint(keyIDs: Set<String>) -> Int { state.withLock { $0.cache.removeSigned(by: keyIDs) } }

  /// The token of a key.
  ///
  /// - Parameters:
  ///   - entry: whose identity it is.
  ///   - isDue: whether a cached one is to be replaced.
  ///   - ask: asks the server once, within the time that it is given, and checks what comes.
  package func token(
    _ key: Key, of entry: AgentEntry, isDue: (Token) -> Bool, ask: @escaping @Sendable (Duration) async throws -> Token
  ) async throws -> Token {
    let cached = state.withLock { $0.cache.value(key) }
    if let cached, !isDue(cached) { return cached }
    if let outcome = await join(key) { return try outcome.get() }
    let outcome = await request(entry, key, cached, ask)
    // When this caller gave up, another one has to ask.
    let isAbandoned = if case .failure(let error) = outcome { error.code == .canceled } else { false }
    let waiters = state.withLock { $0.waiters.removeValue(forKey: key) ?? [] }
    for waiter in waiters { waiter.resume(returning: isAbandoned ? nil : outcome) }
    return try outcome.get()
  }

  /// Waits for the request that is under way. Nil when the caller has to make it: there is none, or its maker gave up.
  private func join(_ key: Key) async -> Outcome? {
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
    _ entry: AgentEntry, _ key: Key, _ cached: Token?, _ ask: @escaping @Sendable (Duration) async throws -> Token
  ) async -> Outcome {
    func valid() -> Token? { cached.flatMap { $0.expiresAt > time.now ? $0 : nil } }
    do {
      let token = try await repeatedly(ask, within: valid() == nil ? TokenRequest.timeout : cacheHitTimeout)
      let count = state.withLock { state in
        state.cache.store(token, for: key)
        return state.cache.count
      }
      metrics.setGauge(["\(kind.lowercased())_svid_cache_size"], to: Double(count))
      return .success(token)
    } catch {
      let failure = AgentError.wrapping(error)
      if Task.isCancelled { return .failure(AgentError(.canceled, "canceled", cause: error)) }
      // Only now: it may have expired while the server was asked.
      if let valid = valid() {
        logger.warning(
          "Unable to renew \(kind); will use cached token",
          metadata: ["error": "\(failure.message)", "spiffe_id": "\(entry.spiffeID)"])
        return .success(valid)
      }
      guard cached != nil else { return .failure(failure) }
      return .failure(
        AgentError(
          failure.code, "unable to renew \(kind) for \"\(entry.spiffeID)\" (err=\(failure.message))", cause: failure))
    }
  }

  /// Asks the server, again and again while it fails in a way that may pass.
  private func repeatedly(
    _ ask: @escaping @Sendable (Duration) async throws -> Token, within limit: Duration
  ) async throws -> Token {
    let (time, random) = (time, random)
    let late = AgentError(.deadlineExceeded, "the server did not issue a \(kind)-SVID in time")
    return try await withTimeout(limit, time, late: late) {
      var backoff = RetryBackoff(initial: .seconds(1), maximum: limit)
      while true {
        do { return try await ask(limit) } catch {
          let failure = AgentError.wrapping(error)
          if TokenRequest.final.contains(failure.code) { throw failure }
          try await time.sleep(for: backoff.next(random))
        }
      }
    }
  }
}

/// The terms on which servers are asked for tokens.
package enum TokenRequest {
  /// The time for a request to the server.
  package static let timeout: Duration = .seconds(30)

  /// Failures that would be the same the next time.
  static let final: Set<AgentError.Code> = [
    .unknown, .canceled, .deadlineExceeded, .invalidArgument, .unimplemented, .permissionDenied, .notFound, .malformed,
  ]
}
