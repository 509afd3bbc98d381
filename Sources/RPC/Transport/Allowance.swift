import NIOCore

/// A number of events that a peer has free, which grows with time and with work it asks for. Pure.
struct Allowance {
  private let most: Double
  private let perSecond: Double
  private var left: Double
  private var last: NIODeadline?

  /// - Parameters:
  ///   - most: what there is at the beginning, and at most.
  ///   - perSecond: what comes back by itself.
  init(_ most: Int, perSecond: Int) {
    self.most = Double(most)
    self.perSecond = Double(perSecond)
    left = self.most
  }

  /// Takes one. `false`: there was none left.
  mutating func take(at now: NIODeadline) -> Bool {
    if let last { left = min(most, left + max(0, Double((now - last).nanoseconds)) / 1e9 * perSecond) }
    last = now
    guard left >= 1 else { return false }
    left -= 1
    return true
  }

  mutating func earn(_ count: Int) { left = min(most, left + Double(count)) }
}
