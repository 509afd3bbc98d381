import NIOCore
import Testing

@testable import RPC

/// What an honest client may do and what is a flood, and when a connection is let go.
@Suite struct FrameMeterTests {
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt8 = 0, _ payload: [UInt8] = []) -> [UInt8] {
    [0, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF), type, flags, 0, 0, 0, stream] + payload
  }

  static let ping = frame(6, [1, 2, 3, 4, 5, 6, 7, 8])
  static let reset = frame(3, stream: 1, [0, 0, 0, 8])
  static let settings = frame(4)

  /// A meter that expectations may change.
  final class Box {
    private var meter: FrameMeter
    init(_ meter: FrameMeter) { self.meter = meter }
    var hasBegun: Bool { meter.hasBegun }
    func answered() { meter.answered() }
    func streamError(at now: NIODeadline) -> FrameMeter.Flood? { meter.streamError(at: now) }
    @discardableResult func read(_ bytes: [UInt8], at seconds: Int64 = 0) -> FrameMeter.Flood? {
      bytes.withUnsafeBytes { meter.read($0, at: .uptimeNanoseconds(0) + .seconds(seconds)) }
    }
  }

  func meter(_ most: Int = 10) -> Box {
    var limits = FrameMeter.Limits()
    limits.control = (most, 5)
    limits.resets = (most, 5)
    return Box(FrameMeter(limits))
  }

  @Test func framesAreFoundHoweverTheBytesArrive() {
    let bytes = Self.preface + Self.settings + Array(repeating: Self.ping, count: 8).flatMap { $0 }
    for size in [1, 2, 7, 9, 13, 1000] {
      let meter = meter(9)
      for start in stride(from: 0, to: bytes.count, by: size) {
        #expect(meter.read(Array(bytes[start..<min(start + size, bytes.count)])) == nil)
      }
      #expect(meter.hasBegun)
      #expect(meter.read(Self.ping) == .controlFrames)
    }
  }

  @Test func theBeginningIsTheFirstSettings() {
    let meter = meter()
    meter.read(Self.preface)
    #expect(!meter.hasBegun)
    meter.read(Array(Self.settings.dropLast()))
    #expect(!meter.hasBegun)
    meter.read([0])
    #expect(meter.hasBegun)
  }

  @Test(arguments: [
    frame(6, [1, 2, 3, 4, 5, 6, 7, 8]), frame(4), frame(2, stream: 1, [0, 0, 0, 0, 1]), frame(8, [0, 0, 0, 1]),
    frame(9, stream: 1, [1]), frame(0, stream: 1), frame(77, [1, 2, 3]), frame(7, [0, 0, 0, 0, 0, 0, 0, 0]),
  ]) func controlFramesRunDry(_ frame: [UInt8]) {
    let meter = meter()
    meter.read(Self.preface)
    for _ in 0..<10 { #expect(meter.read(frame) == nil) }
    #expect(meter.read(frame) == .controlFrames)
    // They come back with time.
    let later = self.meter()
    later.read(Self.preface)
    for _ in 0..<10 { #expect(later.read(frame, at: 1) == nil) }
    for _ in 0..<5 { #expect(later.read(frame, at: 2) == nil) }
    #expect(later.read(frame, at: 2) == .controlFrames)
  }

  @Test func resetsRunDryAndAnswersEarnThem() {
    let meter = meter()
    meter.read(Self.preface)
    for _ in 0..<10 { #expect(meter.read(Self.reset) == nil) }
    meter.answered()
    #expect(meter.read(Self.reset) == nil)
    #expect(meter.read(Self.reset) == .resets)
    #expect(meter.streamError(at: .uptimeNanoseconds(0)) == .resets)
  }

  @Test func aClientThatPingsAndUpdatesWindowsWithEachCallLives() {
    let meter = meter()
    let call = Self.frame(1, flags: 4, stream: 1, [1]) + Self.frame(0, flags: 1, stream: 1, [0, 0, 0, 0, 0])
    meter.read(Self.preface + Self.settings)
    for _ in 0..<1000 {
      #expect(meter.read(call + Self.ping + Self.frame(8, [0, 0, 0, 1]) + Self.frame(8, [0, 0, 0, 1])) == nil)
      meter.answered()
    }
  }

  @Test func usefulDataIsFree() {
    let meter = meter(1)
    meter.read(Self.preface)
    for _ in 0..<100 { #expect(meter.read(Self.frame(0, stream: 1, [1, 2])) == nil) }
    for _ in 0..<100 { #expect(meter.read(Self.frame(0, flags: 1, stream: 1)) == nil) }
  }

  // MARK: Letting go

  @Test func goodbyeIsSaidTwice() {
    var drain = ConnectionDrain()
    let early = drain.settle()
    #expect(!early && !drain.hasBegun && !drain.mayClose(openCalls: 0))
    let began = drain.begin()
    let again = drain.begin()
    #expect(began && !again)
    #expect(drain.hasBegun && !drain.mayClose(openCalls: 0))
    let settled = drain.settle()
    let settledAgain = drain.settle()
    #expect(settled && !settledAgain)
    #expect(drain.mayClose(openCalls: 0) && !drain.mayClose(openCalls: 1))
  }

  @Test func silentPeersAreAskedAndThenGivenUp() {
    let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
    var keepalive = Keepalive(interval: .seconds(100), timeout: .seconds(20), now: start)
    expect(&keepalive, at: start + .seconds(40), .wait(.seconds(60)))
    keepalive.heard(at: start + .seconds(50))
    expect(&keepalive, at: start + .seconds(100), .wait(.seconds(50)))
    expect(&keepalive, at: start + .seconds(150), .ping(.seconds(20)))
    expect(&keepalive, at: start + .seconds(160), .wait(.seconds(10)))
    keepalive.heard(at: start + .seconds(165))
    expect(&keepalive, at: start + .seconds(170), .wait(.seconds(95)))
    expect(&keepalive, at: start + .seconds(265), .ping(.seconds(20)))
    expect(&keepalive, at: start + .seconds(285), .giveUp)
  }

  private func expect(
    _ keepalive: inout Keepalive, at now: NIODeadline, _ action: Keepalive.Action,
    _ location: SourceLocation = #_sourceLocation
  ) {
    let found = keepalive.check(at: now)
    #expect(found == action, sourceLocation: location)
  }
}
