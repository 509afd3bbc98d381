import GRPCCore
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import RPC

/// The floods of HTTP/2 that were published, byte by byte. Their names are in docs/security/immunity.md.
@Suite struct FloodReplayTests {
  /// How many handlers there are, and were at most.
  final class Running: Sendable {
    private let state = Mutex((now: 0, most: 0))
    var most: Int { state.withLock { $0.most } }
    var now: Int { state.withLock { $0.now } }
    func began() {
      state.withLock {
        $0.now += 1
        $0.most = max($0.most, $0.now)
      }
    }
    func ended() { state.withLock { $0.now -= 1 } }

    /// Handlers that read until their call is over, and then wait for the gate.
    func handler(_ gate: ConnectionTests.Gate? = nil) -> ServerCall.Handler {
      { stream, _ in
        self.began()
        defer { self.ended() }
        do { for try await _ in stream.inbound {} } catch {}
        await gate?.pass()
      }
    }
  }

  /// Smaller than those of the program, so that floods are quick.
  private static var small: ConnectionLimits {
    var limits = ConnectionLimits()
    limits.frames.control = (1_000, 10)
    limits.frames.resets = (400, 10)
    limits.strangerStreams = 20
    return limits
  }

  // MARK: Headers

  /// CVE-2023-45288, CVE-2024-27316, CVE-2024-28182 and their like: a block of headers whose end never comes.
  @Test(arguments: [0, 1, 16_000]) func aBlockOfHeadersThatNeverEnds(_ size: Int) throws {
    let attacker = try RawClient(handler: ConnectionTests.echo)
    try attacker.open(1, flags: 0)
    let count = attacker.flood(30_000) { _ in
      // A literal that is not indexed, whose value goes on and on.
      attacker.send(9, stream: 1, [UInt8](repeating: 0x61, count: size))
    }
    #expect(count <= 64 && attacker.sent < 64 * 1024)
    #expect(attacker.endsWithOneRecord())
  }

  /// CVE-2016-6581, the bomb of HPACK: a small block whose fields each stand for a large one of the dynamic table.
  @Test func aBlockThatUnfoldsIntoMegabytes() throws {
    let attacker = try RawClient(handler: ConnectionTests.echo)
    // A field of 3,900 bytes for the table, then 12,000 references to it: 47 MB of headers in 16 KB.
    let value = [UInt8](repeating: 0x61, count: 3_900)
    let first: [UInt8] = [0x40, 1, 0x78, 0x7F, 0xBD, 0x1D] + value
    let block = try attacker.block()
    attacker.send(1, flags: 4, stream: 1, block + first)
    #expect(attacker.isHeard)
    attacker.send(1, flags: 4, stream: 3, block + [UInt8](repeating: 0xBE, count: 12_000))
    #expect(attacker.endsWithOneRecord())
  }

  /// The dynamic table is not made larger than was agreed, however often it is asked for; and numbers do not run over.
  @Test(
    arguments: [
      [0x3F, 0xE1, 0xFF, 0xFF, 0xFF, 0x07], [0x20, 0x3F, 0xE1, 0x1F, 0x20], [0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
      [0x3F] + [UInt8](repeating: 0xFF, count: 200), [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
      [0x80],
      [0x40, 0x83, 0xFF, 0xFF, 0xFF, 0x01, 0x61],
    ] as [[UInt8]])
  func tablesAndNumbersThatGrow(_ start: [UInt8]) throws {
    let attacker = try RawClient(handler: ConnectionTests.echo)
    attacker.send(1, flags: 4, stream: 1, start)
    #expect(attacker.endsWithOneRecord())
  }

  /// CVE-2019-9516: fields without name and value, which cost something each and count as nothing by their bytes.
  @Test func fieldsWithoutNameAndValue() throws {
    let attacker = try RawClient(handler: ConnectionTests.echo)
    let empty: [UInt8] = [0x00, 0x80, 0x80]
    attacker.send(1, flags: 5, stream: 1, try attacker.block() + Array(repeating: empty, count: 5_000).flatMap { $0 })
    let answered = try attacker.received()
    // As HTTP/2 counts a list, each field is 32 bytes more than its text.
    #expect(!answered.contains { $0.type == 0 })
    #expect(attacker.endsWithOneRecord() || answered.contains { $0.type == 3 })
  }

  /// Large headers again and again, each of them allowed: they are calls, and calls that are not ended are bounded.
  @Test func largeHeadersOfManyCalls() throws {
    let running = Running()
    let attacker = try RawClient(Self.small, handler: running.handler())
    let value = String(repeating: "a", count: 8_000)
    _ = try attacker.flood(60) { index in
      attacker.send(1, flags: 4, stream: 2 * index + 1, try attacker.block("bidirectionalStreaming", [("x", value)]))
    }
    #expect(running.most == Self.small.strangerStreams)
    attacker.connection.server.close(promise: nil)
    attacker.connection.loop.run()
    #expect(running.now == 0)
  }

  // MARK: Control frames

  /// CVE-2019-9512 (PING), 9513 (PRIORITY), 9514 (RST_STREAM), 9515 (SETTINGS), 9518 (empty frames), and unknown ones.
  @Test(
    arguments: [
      ("PING", 6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]), ("PRIORITY", 2, 0, 1, [0, 0, 0, 0, 1]),
      ("SETTINGS", 4, 0, 0, []), ("SETTINGS with values", 4, 0, 0, [0, 4, 0, 0, 255, 255]),
      ("WINDOW_UPDATE", 8, 0, 0, [0, 0, 0, 1]), ("empty DATA", 0, 0, 1, []), ("unknown", 77, 0, 0, []),
    ] as [(String, UInt8, UInt8, Int, [UInt8])])
  func framesThatAskForNothing(_ name: String, _ type: UInt8, _ flags: UInt8, _ stream: Int, _ payload: [UInt8]) throws
  {
    let attacker = try RawClient(Self.small, handler: ConnectionTests.echo)
    try attacker.open(1)
    let frame = RawClient.frame(type, flags: flags, stream: stream, payload)
    let bunch = Array(repeating: frame, count: 100).flatMap { $0 }
    let count = attacker.flood(1_000) { _ in
      attacker.send(bunch)
      _ = try? attacker.received()
    }
    #expect(count <= 12, "\(name)")
    #expect(attacker.endsWithOneRecord())
  }

  /// The same while the client does not take the answers that the frames make: nothing more is read from it.
  @Test func answersToControlFramesDoNotPileUp() throws {
    let attacker = try RawClient(Self.small, handler: ConnectionTests.echo)
    let ping = Array(repeating: FrameMeterTests.ping, count: 100).flatMap { $0 }
    let count = attacker.flood(1_000) { _ in attacker.send(ping) }
    // So many answers of 17 bytes at most, whatever the socket takes.
    #expect(count <= 12)
    #expect(attacker.endsWithOneRecord())
  }

  // MARK: Resets

  /// CVE-2023-44487: streams that are opened and cancelled at once.
  @Test func rapidReset() throws {
    let running = Running()
    let attacker = try RawClient(Self.small, handler: running.handler())
    let count = try attacker.flood(2_000) { index in
      try attacker.open(2 * index + 1)
      attacker.send(3, stream: 2 * index + 1, [0, 0, 0, 8])
    }
    #expect(count <= 410 && running.most <= 2)
    #expect(attacker.endsWithOneRecord())
  }

  /// CVE-2025-8671: the server is made to reset streams itself, by breaking their rules; their methods go on meanwhile.
  @Test(
    arguments: [
      ("a window that runs over", 8, 0, [0x7F, 0xFF, 0xFF, 0xFF]), ("a window of nothing", 8, 0, [0, 0, 0, 0]),
      ("a stream that depends on itself", 2, 0, []), ("DATA after the end", 0, 1, []),
      ("headers after the end", 1, 5, [0x88]),
    ] as [(String, UInt8, UInt8, [UInt8])])
  func streamsThatTheServerIsMadeToReset(_ name: String, _ type: UInt8, _ flags: UInt8, _ payload: [UInt8]) throws {
    let running = Running()
    let gate = ConnectionTests.Gate()
    let attacker = try RawClient(Self.small, handler: running.handler(gate))
    let isEnded = name.contains("after the end")
    let count = try attacker.flood(2_000) { index in
      let stream = 2 * index + 1
      try attacker.open(stream, flags: isEnded ? 5 : 4)
      let itself = RawClient.frame(0, stream: stream).suffix(4) + [1]
      attacker.send(type, flags: flags, stream: stream, name.contains("itself") ? Array(itself) : payload)
      _ = try attacker.received()
    }
    // No more methods run than there may be calls and cancelled calls, however many streams were reset.
    #expect(running.most <= 2 * Self.small.strangerStreams, "\(name)")
    #expect(count <= 410 + 2 * Self.small.strangerStreams, "\(name)")
    #expect(!attacker.isHeard, "\(name)")
    attacker.connection.advance(.seconds(1))
    #expect(!attacker.connection.server.isActive, "\(name)")
    gate.open()
    attacker.connection.loop.run()
    #expect(running.now == 0 && attacker.connection.hasEnded, "\(name)")
  }

  // MARK: Windows and lengths

  @Test func theConnectionsWindowThatRunsOver() throws {
    let attacker = try RawClient(handler: ConnectionTests.echo)
    attacker.send(8, [0x7F, 0xFF, 0xFF, 0xFF])
    #expect(try attacker.received().last?.type == 7)
    #expect(attacker.endsWithOneRecord())
  }

  /// The length of a frame is looked at before its bytes are kept.
  @Test(arguments: [0, 1, 4, 9, 77] as [UInt8]) func aFrameThatIsAnnouncedTooLarge(_ type: UInt8) throws {
    let attacker = try RawClient(handler: ConnectionTests.echo)
    try attacker.open(1)
    attacker.send([0xFF, 0xFF, 0xFF, type, 0, 0, 0, 0, type == 4 ? 0 : 1])
    _ = attacker.flood(100) { _ in attacker.send([UInt8](repeating: 0, count: 1_000)) }
    #expect(attacker.sent < 32 * 1024)
    #expect(attacker.endsWithOneRecord())
  }

  /// CVE-2019-9511 and 9517: answers are asked for, and taken byte by byte or not at all.
  @Test func answersThatAreTakenByteByByte() throws {
    let running = Running()
    let attacker = try RawClient { stream, _ in
      running.began()
      for _ in 0..<1_000 {
        guard (try? await stream.outbound.write(.message(MessageBytes(repeating: 1, count: 16_000)))) != nil else {
          break
        }
      }
      running.ended()
    }
    // The window of each stream is nothing.
    attacker.send(4, [0, 4, 0, 0, 0, 0])
    for index in 0..<50 {
      try attacker.open(2 * index + 1, "serverStreaming")
      attacker.send(0, flags: 1, stream: 2 * index + 1, [0, 0, 0, 0, 0])
    }
    for _ in 0..<200 { attacker.send(8, stream: 1, [0, 0, 0, 1]) }
    // Each method waits with its second or third message; 100 MB are not written.
    #expect(running.now == 50)
    attacker.connection.server.close(promise: nil)
    attacker.connection.loop.run()
    #expect(running.now == 0)
  }
}
