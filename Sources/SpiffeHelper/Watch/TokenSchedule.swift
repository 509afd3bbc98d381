import Daemon
import FoundationEssentials

/// When a JWT-SVID is fetched again: a second after half of what is left of its life, and after failures at growing
/// intervals (ecosystem §2).
///
/// A value-type state machine without a clock: it is told what happened and says how long to wait.
struct TokenSchedule: Hashable, Sendable {
  private var retry = RetrySchedule.token

  /// A token came.
  mutating func fetched(expiry: Date, now: Date) -> Duration {
    retry.reset()
    let left = max(0, expiry.timeIntervalSince(now))
    return .milliseconds(Int64(left * 500)) + .seconds(1)
  }

  /// None came, or it could not be written.
  mutating func failed() -> Duration { retry.next() }
}
