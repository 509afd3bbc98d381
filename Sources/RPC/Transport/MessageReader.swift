import GRPCCore
import NIOCore

/// Cuts the bytes of a request into messages. A value: bytes in, messages out.
///
/// A message that is too large is refused when its length is known, before its bytes are kept.
struct MessageReader {
  private let encoding: MessageEncoding
  private let limit: Int
  private var buffer = ByteBuffer()

  init(encoding: MessageEncoding, limit: Int) {
    self.encoding = encoding
    self.limit = limit
  }

  /// Bytes of messages that were not read yet.
  var buffered: Int { buffer.readableBytes }

  mutating func append(_ bytes: ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = bytes
    } else {
      // A long stream must not keep what was read from it.
      if buffer.readerIndex > 64 * 1024 { buffer.discardReadBytes() }
      buffer.writeImmutableBuffer(bytes)
    }
  }

  /// The next whole message, or `nil` until more bytes come.
  mutating func next() throws(RPCError) -> ByteBuffer? {
    guard let flag = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self),
      let length = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt32.self)
    else { return nil }
    guard Int(length) <= limit else {
      throw RPCError(
        code: .resourceExhausted, message: "grpc: received message larger than max (\(length) vs. \(limit))")
    }
    guard flag <= 1 else {
      throw RPCError(code: .internalError, message: "grpc: received unexpected payload format \(flag)")
    }
    guard flag == 0 || encoding != .identity else {
      throw RPCError(
        code: .internalError, message: "grpc: compressed flag set with identity or empty encoding")
    }
    guard buffer.readableBytes >= MessageBytes.prefixLength + Int(length) else { return nil }
    buffer.moveReaderIndex(forwardBy: MessageBytes.prefixLength)
    guard let message = buffer.readSlice(length: Int(length)) else { return nil }
    // What was read must not stay in memory as long as a long stream lives.
    if buffer.readableBytes == 0 { buffer = ByteBuffer() }
    return flag == 0 ? message : try decompress(message)
  }

  /// Forgets what was not read.
  mutating func drop() { buffer = ByteBuffer() }

  private func decompress(_ message: ByteBuffer) throws(RPCError) -> ByteBuffer {
    do throws(Gzip.Failure) {
      return try Gzip.decompress(message, limit: limit)
    } catch {
      throw switch error {
      case .tooLarge:
        RPCError(
          code: .resourceExhausted, message: "grpc: received message after decompression larger than max \(limit)")
      case .malformed:
        RPCError(code: .internalError, message: "grpc: failed to decompress the message: gzip: invalid data")
      case .outOfMemory:
        RPCError(code: .resourceExhausted, message: "grpc: failed to decompress the message: out of memory")
      }
    }
  }
}
