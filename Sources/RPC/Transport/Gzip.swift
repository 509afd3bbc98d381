import CZlib
import NIOCore

/// The gzip format (RFC 1952) over the system's zlib. Pure; each call has a state of its own.
enum Gzip {
  enum Failure: Error, Equatable {
    /// What the bytes would become is larger than allowed.
    case tooLarge
    /// The bytes are not one gzip member.
    case malformed
    /// zlib could not get memory.
    case outOfMemory
  }

  /// What `bytes` decompress to, at most `limit` bytes: an input that would become more stops there, whatever its size.
  static func decompress(_ bytes: ByteBuffer, limit: Int) throws(Failure) -> ByteBuffer {
    var stream = z_stream()
    guard czlib_inflate_gzip(&stream) == Z_OK else { throw .outOfMemory }
    defer { inflateEnd(&stream) }
    var input = bytes
    var output = ByteBufferAllocator().buffer(capacity: min(limit, max(256, bytes.readableBytes * 3)) + 1)
    let status = input.readWithUnsafeMutableReadableBytes { source -> (Int, Int32) in
      stream.next_in = source.bindMemory(to: UInt8.self).baseAddress
      stream.avail_in = UInt32(source.count)
      var status = Z_OK
      while status == Z_OK, output.readableBytes <= limit {
        let room = min(limit + 1 - output.readableBytes, 64 * 1024)
        let written = output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
          stream.next_out = target.bindMemory(to: UInt8.self).baseAddress
          stream.avail_out = UInt32(room)
          status = inflate(&stream, Z_NO_FLUSH)
          return room - Int(stream.avail_out)
        }
        // No progress and not at the end: the member is cut off.
        if status == Z_OK && written == 0 && stream.avail_in == 0 { status = Z_BUF_ERROR }
      }
      return (source.count - Int(stream.avail_in), status)
    }
    guard output.readableBytes <= limit else { throw .tooLarge }
    guard status == Z_STREAM_END, input.readableBytes == 0 else { throw .malformed }
    return output
  }

  /// Appends `bytes` to `output` as one gzip member.
  static func compress(_ bytes: ByteBuffer, into output: inout ByteBuffer) throws(Failure) {
    var stream = z_stream()
    guard czlib_deflate_gzip(&stream) == Z_OK else { throw .outOfMemory }
    defer { deflateEnd(&stream) }
    var input = bytes
    let status = input.readWithUnsafeMutableReadableBytes { source -> (Int, Int32) in
      stream.next_in = source.bindMemory(to: UInt8.self).baseAddress
      stream.avail_in = UInt32(source.count)
      let room = Int(deflateBound(&stream, UInt(source.count)))
      var status = Z_OK
      output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
        stream.next_out = target.bindMemory(to: UInt8.self).baseAddress
        stream.avail_out = UInt32(room)
        status = deflate(&stream, Z_FINISH)
        return room - Int(stream.avail_out)
      }
      return (source.count, status)
    }
    guard status == Z_STREAM_END else { throw .outOfMemory }
  }
}
