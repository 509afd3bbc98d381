/// How long to wait after each failure in a row: twice as long each time. A value; its owner asks it.
struct RetrySchedule: Hashable, Sendable {
  private let initial: Duration
  private let maximum: Duration
  private let factor: Int
  private var current: Duration

  init(initial: Duration, maximum: Duration, factor: Int = 2) {
    self.initial = initial
    self.maximum = maximum
    self.factor = factor
    current = initial
  }

  /// A stream that broke: an agent that is back is found soon.
  static let stream = RetrySchedule(initial: .seconds(1), maximum: .seconds(5))
  /// A token that cannot be had (ecosystem §2).
  static let token = RetrySchedule(initial: .seconds(1), maximum: .seconds(60))
  /// Files that cannot be written.
  static let files = RetrySchedule(initial: .seconds(1), maximum: .seconds(5))
  /// An identity that is not there yet, while somebody waits for it.
  static let identity = RetrySchedule(initial: .milliseconds(10), maximum: .seconds(5), factor: 5)
  /// A process whose PID file is not there yet.
  static let pidFile = RetrySchedule(initial: .milliseconds(100), maximum: .seconds(52))

  mutating func next() -> Duration {
    defer { current = min(current * factor, maximum) }
    return current
  }

  /// Begins anew after a success.
  mutating func reset() { current = initial }
}
