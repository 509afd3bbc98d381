import Daemon

/// How long to wait after each failure in a row: exponential with jitter (agent-behaviour §3, §5, §6.2). A value; its
/// owner asks it.
package struct RetryBackoff: Sendable {
  /// After the server was away, so that all agents do not come back in the same moment: upstream's tenth would keep them
  /// together.
  package static let spread = 0.5

  package let initial: Duration
  package let maximum: Duration
  package let multiplier: Double
  package let jitter: Double
  private var current: Double

  package init(initial: Duration, maximum: Duration, multiplier: Double = 1.5, jitter: Double = 0.1) {
    self.initial = initial
    self.maximum = max(initial, maximum)
    self.multiplier = multiplier
    self.jitter = jitter
    current = initial.seconds
  }

  /// The wait before the next attempt.
  package mutating func next(_ random: Randomness, jitter: Double? = nil) -> Duration {
    let wait = current * random.factor(jitter ?? self.jitter)
    current = min(current * multiplier, maximum.seconds)
    return .milliseconds(Int64((wait * 1000).rounded()))
  }

  /// Begins anew after a success.
  package mutating func reset() { current = initial.seconds }
}
