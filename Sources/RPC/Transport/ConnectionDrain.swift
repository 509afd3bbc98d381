/// How a connection is let go without losing a call (RFC 9113 §6.8): a first GOAWAY that refuses nothing, with a PING;
/// when that is answered no stream is on its way any more, and a second GOAWAY names the last one; after the last call the
/// connection is closed. A value; ``ConnectionHandler`` owns one.
struct ConnectionDrain {
  private enum Phase {
    case serving
    case announced
    case final
  }

  private var phase = Phase.serving

  var hasBegun: Bool { phase != .serving }

  /// Whether to send the first GOAWAY and the PING.
  mutating func begin() -> Bool {
    guard phase == .serving else { return false }
    phase = .announced
    return true
  }

  /// The PING was answered, or never will be: whether to send the second GOAWAY.
  mutating func settle() -> Bool {
    guard phase == .announced else { return false }
    phase = .final
    return true
  }

  func mayClose(openCalls: Int) -> Bool { phase == .final && openCalls == 0 }
}
