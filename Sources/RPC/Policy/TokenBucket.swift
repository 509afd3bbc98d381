/// A token bucket with reservations: `rate` tokens per second, as many kept. Pure; the owner passes the time in seconds.
struct TokenBucket: Sendable {
  /// A number of tokens promised for a moment, which may lie ahead.
  struct Reservation: Sendable, Equatable {
    let tokens: Int
    /// When the tokens are there.
    let readyAt: Double
  }

  let rate: Double
  private var tokens: Double
  private var last: Double
  /// When the latest reservation is ready.
  private var lastReady: Double

  init(rate: Int, now: Double) {
    self.rate = Double(rate)
    tokens = Double(rate)
    last = now
    lastReady = now
  }

  private func available(at now: Double) -> Double { min(rate, tokens + max(0, now - last) * rate) }

  /// Reserves `count` tokens, or returns `nil` and changes nothing when they would come later than `patience` from now.
  mutating func reserve(_ count: Int, now: Double, patience: Double) -> Reservation? {
    let left = available(at: now) - Double(count)
    let wait = left < 0 ? -left / rate : 0
    guard wait <= patience else { return nil }
    tokens = left
    // A clock that was set back must not stop the flow.
    last = now
    lastReady = now + wait
    return Reservation(tokens: count, readyAt: now + wait)
  }

  /// Gives back a reservation whose caller left before it was ready, less what later reservations already build on.
  mutating func giveBack(_ reservation: Reservation, now: Double) {
    guard reservation.readyAt > now else { return }
    let restored = Double(reservation.tokens) - max(0, lastReady - reservation.readyAt) * rate
    guard restored > 0 else { return }
    tokens = min(rate, available(at: now) + restored)
    last = now
  }
}
