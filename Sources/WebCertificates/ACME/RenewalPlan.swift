import Daemon
import FoundationEssentials

/// When the certificate of each name is fetched next. Pure: no clock, no waiting; ``ACMECertificates`` owns one.
struct RenewalPlan: Sendable {
  private struct Item {
    var due: Date
    var failures = 0
    /// How long the certificate in use is valid in all.
    var life: TimeInterval?
  }

  private static let ahead: TimeInterval = 30 * 86400
  private var items: [String: Item] = [:]

  init(_ domains: [String], now: Date) { for domain in domains { items[domain] = Item(due: now) } }

  /// The name whose turn is next, and when.
  var next: (domain: String, due: Date)? {
    items.min { ($0.value.due, $0.key) < ($1.value.due, $1.key) }.map { ($0.key, $0.value.due) }
  }

  /// When the turn of `domain` is.
  func next(_ domain: String) -> Date? { items[domain]?.due }

  /// Notes a certificate that is in use now.
  ///
  /// - Parameter jitter: from 0 to 1; what many servers do is not done by all at once.
  mutating func use(_ domain: String, from start: Date, to end: Date, jitter: Double) {
    items[domain] = Item(due: Self.renewal(from: start, to: end, jitter: jitter), life: end.timeIntervalSince(start))
  }

  /// Thirty days ahead of the end, or when a third of the life is left; up to an hour earlier.
  static func renewal(from start: Date, to end: Date, jitter: Double) -> Date {
    let life = end.timeIntervalSince(start)
    return end - min(ahead, life / 3) - jitter * min(3600, life / 30)
  }

  /// Notes a failure; the next attempt waits, longer each time.
  mutating func fail(_ domain: String, _ error: ACMEError, now: Date, jitter: Double) {
    guard var item = items[domain] else { return }
    item.failures += 1
    var pause = Self.pause(error.code, failures: item.failures) * (0.75 + jitter / 2)
    // What lives for an hour cannot wait for one.
    if let life = item.life { pause = min(pause, max(5, life / 10)) }
    if let asked = error.retryAfter { pause = max(pause, asked.seconds) }
    item.due = now + pause
    items[domain] = item
  }

  private static func pause(_ code: ACMEError.Code, failures: Int) -> TimeInterval {
    // Authorities count orders and validations that fail, and lock out who fails too often.
    let first: TimeInterval = code == .unreachable || code == .malformed ? 5 : 60
    return min(first * Double(1 << min(failures - 1, 16)), 3600)
  }
}
