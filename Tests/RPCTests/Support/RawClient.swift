import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP2

@testable import RPC

/// Somebody who writes frames by hand, on a connection in memory.
final class RawClient {
  let connection: TestConnection
  private(set) var sent = 0
  private var encoder = HPACKEncoder(allocator: ByteBufferAllocator())

  init(_ limits: ConnectionLimits = ConnectionLimits(), handler: @escaping ServerCall.Handler) throws {
    connection = try TestConnection(limits, begins: false, handler: handler)
    send(FrameMeterTests.preface + FrameMeterTests.settings + FrameMeterTests.frame(4, flags: 1))
    _ = try ConnectionBoundsTests.frames(connection.server)
  }

  /// Whether the server still looks at what is sent.
  var isHeard: Bool { connection.log.messages.isEmpty && connection.server.isActive }

  func send(_ bytes: [UInt8]) {
    sent += bytes.count
    _ = try? connection.server.writeInbound(ByteBuffer(bytes: bytes))
    connection.loop.run()
  }

  /// A frame of any stream.
  func send(_ type: UInt8, flags: UInt8 = 0, stream: Int = 0, _ payload: [UInt8] = []) {
    send(Self.frame(type, flags: flags, stream: stream, payload))
  }

  static func frame(_ type: UInt8, flags: UInt8 = 0, stream: Int = 0, _ payload: [UInt8] = []) -> [UInt8] {
    func bytes(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    return bytes(payload.count, 3) + [type, flags] + bytes(stream, 4) + payload
  }

  /// The header block of a call.
  func block(_ method: String = "bidirectionalStreaming", _ more: [(String, String?)] = []) throws -> [UInt8] {
    var block = ByteBuffer()
    try encoder.encode(headers: WireTests.headers([(":path", "/a.B/\(method)")] + more), to: &block)
    return Array(block.readableBytesView)
  }

  /// Opens a stream.
  func open(_ stream: Int, _ method: String = "bidirectionalStreaming", flags: UInt8 = 4) throws {
    send(1, flags: flags, stream: stream, try block(method))
  }

  /// What the server sent since the last look.
  func received() throws -> [(type: UInt8, stream: UInt32, payload: [UInt8])] {
    try ConnectionBoundsTests.frames(connection.server)
  }

  /// Repeats `body` for as long as it is heard, at most so often. Returns how often.
  func flood(_ most: Int, _ body: (Int) throws -> Void) rethrows -> Int {
    for index in 0..<most {
      guard isHeard else { return index }
      try body(index)
    }
    return most
  }

  /// The connection ended for this client's fault, with one record.
  func endsWithOneRecord() -> Bool {
    connection.advance(.seconds(1))
    return connection.hasEnded && connection.log.messages == ["Connection closed"]
  }
}
