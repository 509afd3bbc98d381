package import FoundationEssentials

/// When a sync may begin early. A value without a clock.
package struct EarlySyncLimit: Sendable {
  package enum Outcome: Sendable {
    /// The entries or bundles are not what they were.
    case changed
    case unchanged
    case failed
  }

  /// The least time between the beginnings of two syncs when early ones pay.
  package static let shortest = 0.1
  /// The most, reached when early syncs bring nothing again and again; about the ordinary interval.
  package static let longest = 3.2

  private var gap = EarlySyncLimit.shortest
  private var lastBegin: Date?
  private var isFailing = false

  package init() {}

  /// How many seconds from now a sync may begin; nil when the server does not answer anyway.
  package func delay(at now: Date) -> Double? {
    if isFailing { return nil }
    guard let lastBegin else { return 0 }
    let passed = now.timeIntervalSince(lastBegin)
    return passed < 0 ? 0 : max(0, gap - passed)
  }

  package mutating func began(at now: Date) { lastBegin = now }

  package mutating func ended(_ outcome: Outcome) {
    isFailing = outcome == .failed
    switch outcome {
    case .changed: gap = Self.shortest
    case .unchanged: gap = min(gap * 2, Self.longest)
    case .failed: break
    }
  }
}
