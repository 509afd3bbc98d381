import NIOCore

/// When to ask a silent peer whether it is still there, and when to give it up. A value: times in, actions out.
struct Keepalive {
  enum Action: Equatable {
    /// Look again after this time.
    case wait(TimeAmount)
    /// Send a PING, and look again after this time.
    case ping(TimeAmount)
    /// The peer did not answer.
    case giveUp
  }

  let interval: TimeAmount
  let timeout: TimeAmount
  private var lastHeard: NIODeadline
  private var pinged: NIODeadline?

  init(interval: TimeAmount, timeout: TimeAmount, now: NIODeadline) {
    self.interval = interval
    self.timeout = timeout
    lastHeard = now
  }

  mutating func heard(at now: NIODeadline) {
    lastHeard = now
    pinged = nil
  }

  mutating func check(at now: NIODeadline) -> Action {
    if let pinged { return now >= pinged + timeout ? .giveUp : .wait(pinged + timeout - now) }
    let due = lastHeard + interval
    guard now >= due else { return .wait(due - now) }
    pinged = now
    return .ping(timeout)
  }
}
