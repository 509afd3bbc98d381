package import Daemon
import FoundationEssentials
import GRPCCore
import Synchronization

/// One limit of server-behaviour §7.4: a bucket of `rate` tokens per second for each client address.
///
/// Methods that share a bucket share the object. Buckets that are not used are forgotten in two generations of at
/// least a minute. Safe from any thread.
package final class RateLimiter: Sendable {
  /// Buckets kept at most per generation: an attacker with many addresses must not fill the memory.
  private static let capacity = 65_536
  private static let generation = 60.0

  private struct State {
    var current: [String: TokenBucket] = [:]
    var previous: [String: TokenBucket] = [:]
    var rotatedAt: Double
  }

  /// Tokens per second, and the most that one request may take.
  package let rate: Int
  private let time: any TimeSource
  private let state: Mutex<State>

  package init(perSecond rate: Int, time: any TimeSource) {
    self.rate = rate
    self.time = time
    state = Mutex(State(rotatedAt: time.now.timeIntervalSince1970))
  }

  /// Takes `count` tokens of `key`, waiting until they are there.
  ///
  /// - Throws: ``RPCFailure`` `resourceExhausted` if `count` can never be had, or not before `patience` (the time to
  ///   the caller's deadline) is over; `CancellationError` when the task is cancelled.
  package func take(_ count: Int, for key: String, patience: Duration?) async throws {
    guard count > 0 else { return }
    guard count <= rate else {
      throw RPCFailure(.resourceExhausted, "rate (\(count)) exceeds burst size (\(rate))")
    }
    let now = time.now.timeIntervalSince1970
    let reservation = state.withLock { state in
      Self.withBucket(key, in: &state, rate: rate, now: now) {
        $0.reserve(count, now: now, patience: patience.map { max(0, $0.seconds) } ?? .infinity)
      }
    }
    guard let reservation else {
      throw RPCFailure(.resourceExhausted, "rate: Wait(n=\(count)) would exceed context deadline")
    }
    let wait = reservation.readyAt - now
    guard wait > 0 else { return }
    do {
      try await time.sleep(for: .seconds(wait))
    } catch {
      let now = time.now.timeIntervalSince1970
      state.withLock { state in
        Self.withBucket(key, in: &state, rate: rate, now: now) { $0.giveBack(reservation, now: now) }
      }
      throw error
    }
  }

  /// The number of addresses that have a bucket.
  package var bucketCount: Int { state.withLock { $0.current.count + $0.previous.count } }

  private static func withBucket<T>(
    _ key: String, in state: inout State, rate: Int, now: Double, _ body: (inout TokenBucket) -> T
  ) -> T {
    if state.current[key] == nil {
      if let kept = state.previous.removeValue(forKey: key) {
        state.current[key] = kept
      } else {
        if abs(now - state.rotatedAt) >= generation || state.current.count >= capacity {
          state.previous = state.current
          state.current = [:]
          state.rotatedAt = now
        }
        state.current[key] = TokenBucket(rate: rate, now: now)
      }
    }
    return body(&state.current[key, default: TokenBucket(rate: rate, now: now)])
  }
}
