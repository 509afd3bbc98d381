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
    var output = ByteBufferAllocator().buffer(capacity: min(limit, max(256, bytes.readableBytes * 3)) + 1)
    let status = bytes.withUnsafeReadableBytes { source -> czlib_status in
      guard let inflation = czlib_inflate_begin(source.baseAddress, source.count) else { return CZLIB_NO_MEMORY }
      defer { czlib_inflate_end(inflation) }
      var status = CZLIB_FULL
      while status == CZLIB_FULL, output.readableBytes <= limit {
        // One byte more than allowed tells an input that is too large from one that just fits.
        let room = min(limit + 1 - output.readableBytes, 64 * 1024)
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
          var written = 0
          status = czlib_inflate(inflation, target.baseAddress, room, &written)
          return written
        }
      }
      return status
    }
    guard output.readableBytes <= limit else { throw .tooLarge }
    if status == CZLIB_NO_MEMORY { throw .outOfMemory }
    guard status == CZLIB_OK else { throw .malformed }
    return output
  }

  /// Appends `bytes` to `output` as one gzip member.
  static func compress(_ bytes: ByteBuffer, into output: inout ByteBuffer) throws(Failure) {
    let room = czlib_deflate_bound(bytes.readableBytes)
    var status = CZLIB_NO_MEMORY
    output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
      bytes.withUnsafeReadableBytes { source in
        var written = 0
        status = czlib_deflate(source.baseAddress, source.count, target.baseAddress, room, &written)
        return written
      }
    }
    guard status == CZLIB_OK else { throw .outOfMemory }
  }
}
