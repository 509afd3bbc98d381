import NIOCore

/// Counts the HTTP/2 frames that cost the server work without asking for any: a value that reads frame headers.
///
/// It sees every byte before HTTP/2 does, and so also frames that HTTP/2 drops silently. Honest clients ping and cancel
/// a lot, but they also make calls: calls and answers earn them further frames, so only floods run dry.
struct FrameMeter {
  struct Limits: Sendable {
    /// PING, SETTINGS, PRIORITY, WINDOW_UPDATE, CONTINUATION, empty DATA and unknown frames.
    var control = (most: 20_000, perSecond: 1_000)
    /// RST_STREAM, and streams that break the rules.
    var resets = (most: 20_000, perSecond: 1_000)
  }

  /// What there was too much of.
  enum Flood: Equatable, CustomStringConvertible {
    case controlFrames
    case resets

    var description: String {
      switch self {
      case .controlFrames: "too many control frames"
      case .resets: "too many cancelled streams"
      }
    }
  }

  private var control: Allowance
  private var resets: Allowance
  private var prefaceLeft = 24
  private var payloadLeft = 0
  /// Bytes of the header that came so far, and how many: length, type and flags; the stream's number is skipped.
  private var header: UInt64 = 0
  private var headerCount = 0
  /// Whether the client's preface and first SETTINGS came.
  private(set) var hasBegun = false
  /// Whether the client said that it opens no more streams.
  private(set) var saidGoodbye = false

  init(_ limits: Limits = Limits()) {
    control = Allowance(limits.control.most, perSecond: limits.control.perSecond)
    resets = Allowance(limits.resets.most, perSecond: limits.resets.perSecond)
  }

  /// Reads bytes as they come from the wire.
  mutating func read(_ bytes: UnsafeRawBufferPointer, at now: NIODeadline) -> Flood? {
    var index = min(prefaceLeft, bytes.count)
    prefaceLeft -= index
    while index < bytes.count {
      if payloadLeft > 0 {
        let step = min(payloadLeft, bytes.count - index)
        payloadLeft -= step
        index += step
        continue
      }
      if headerCount < 5 { header = header << 8 | UInt64(bytes[index]) }
      headerCount += 1
      index += 1
      guard headerCount == 9 else { continue }
      payloadLeft = Int(header >> 16)
      if let flood = count(type: UInt8(header >> 8 & 0xFF), flags: UInt8(header & 0xFF), at: now) { return flood }
      header = 0
      headerCount = 0
    }
    return nil
  }

  private mutating func count(type: UInt8, flags: UInt8, at now: NIODeadline) -> Flood? {
    switch type {
    case 0 where payloadLeft > 0 || flags & 1 != 0: return nil
    case 1:
      control.earn(4)
      return nil
    case 3: return resets.take(at: now) ? nil : .resets
    case 4:
      hasBegun = true
      fallthrough
    case 7:
      saidGoodbye = true
      fallthrough
    default: return control.take(at: now) ? nil : .controlFrames
    }
  }

  /// A stream broke the rules.
  mutating func streamError(at now: NIODeadline) -> Flood? { resets.take(at: now) ? nil : .resets }

  /// An answer was sent.
  mutating func answered() {
    control.earn(2)
    resets.earn(1)
  }
}
