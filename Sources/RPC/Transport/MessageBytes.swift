import GRPCCore
import NIOCore

/// The bytes of one message: a view into what was received, or a buffer with room for the five bytes that go before a
/// message on the wire, so that sending copies nothing.
struct MessageBytes: GRPCContiguousBytes, Hashable, Sendable {
  /// Flag and length (gRPC over HTTP/2, "Length-Prefixed-Message").
  static let prefixLength = 5

  /// The message; when ``hasRoom`` says so, five unused bytes lie before it.
  private var buffer: ByteBuffer
  private let hasRoom: Bool

  /// A message that was received.
  init(received buffer: ByteBuffer) {
    self.buffer = buffer
    hasRoom = false
  }

  init(repeating byte: UInt8, count: Int) {
    var buffer = ByteBufferAllocator().buffer(capacity: Self.prefixLength + count)
    buffer.moveWriterIndex(to: Self.prefixLength)
    buffer.moveReaderIndex(to: Self.prefixLength)
    buffer.writeRepeatingByte(byte, count: count)
    self.buffer = buffer
    hasRoom = true
  }

  init(_ sequence: some Sequence<UInt8>) {
    var buffer = ByteBufferAllocator().buffer(capacity: Self.prefixLength + sequence.underestimatedCount)
    buffer.moveWriterIndex(to: Self.prefixLength)
    buffer.moveReaderIndex(to: Self.prefixLength)
    buffer.writeBytes(sequence)
    self.buffer = buffer
    hasRoom = true
  }

  var count: Int { buffer.readableBytes }

  func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try buffer.withUnsafeReadableBytes(body)
  }

  mutating func withUnsafeMutableBytes<R>(_ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
    try buffer.withUnsafeMutableReadableBytes(body)
  }

  /// The message with its prefix, uncompressed.
  consuming func framed() -> ByteBuffer {
    let length = UInt32(buffer.readableBytes)
    guard hasRoom else {
      var frame = ByteBufferAllocator().buffer(capacity: Self.prefixLength + buffer.readableBytes)
      frame.writeInteger(UInt8(0))
      frame.writeInteger(length)
      frame.writeBuffer(&buffer)
      return frame
    }
    buffer.setInteger(UInt8(0), at: buffer.readerIndex - Self.prefixLength)
    buffer.setInteger(length, at: buffer.readerIndex - Self.prefixLength + 1)
    buffer.moveReaderIndex(to: buffer.readerIndex - Self.prefixLength)
    return buffer
  }

  /// The message with its prefix, compressed.
  func compressed() throws -> ByteBuffer {
    var frame = ByteBufferAllocator().buffer(capacity: Self.prefixLength + buffer.readableBytes / 2 + 64)
    frame.writeInteger(UInt8(1))
    frame.writeInteger(UInt32(0))
    try Gzip.compress(buffer, into: &frame)
    frame.setInteger(UInt32(frame.readableBytes - Self.prefixLength), at: frame.readerIndex + 1)
    return frame
  }
}
