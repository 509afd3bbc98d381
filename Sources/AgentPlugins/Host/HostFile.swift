import Crypto
import Daemon
import Glibc

/// Reads files of the host with a bound on their size: the pseudo files under /proc and the executables of workloads.
enum HostFile {
  /// Why a file could not be read.
  struct Failure: Error, CustomStringConvertible {
    let path: String
    let number: Int32
    var description: String { "\(path): \(String(cString: strerror(number)))" }
    /// Whether the file is not there, or the process that it describes is not any more.
    var isMissing: Bool { number == ENOENT || number == ESRCH }
  }

  /// The first `limit` bytes of the file. Pseudo files have no size, so the bytes are read until their end.
  static func read(_ path: String, limit: Int) throws -> [UInt8] {
    let fd = try open(path)
    defer { close(fd) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while bytes.count < limit {
      let count = try next(fd, into: &chunk, path: path)
      if count == 0 { break }
      bytes.append(contentsOf: chunk[..<min(count, limit - bytes.count)])
      if chunk.count < 65536, count == chunk.count { chunk = [UInt8](repeating: 0, count: 65536) }
    }
    return bytes
  }

  /// Reads the file to its end, piece by piece.
  static func read(_ path: String, _ body: (ArraySlice<UInt8>) throws -> Void) throws {
    let fd = try open(path)
    defer { close(fd) }
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = try next(fd, into: &chunk, path: path)
      if count == 0 { return }
      try body(chunk[..<count])
    }
  }

  /// Where the symbolic link `path` points to.
  static func destination(ofLink path: String) throws -> String {
    var buffer = [CChar](repeating: 0, count: 4097)
    let count = readlink(path, &buffer, buffer.count)
    guard count >= 0 else { throw Failure(path: path, number: errno) }
    guard count < buffer.count else { throw Failure(path: path, number: ENAMETOOLONG) }
    return String(decoding: buffer[..<count].lazy.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// The SHA-256 digest of the file in hex.
  ///
  /// - Parameters:
  ///   - limit: the largest size in bytes, or 0 for no limit.
  ///   - cache: where digests of files that do not change are kept.
  static func sha256(_ path: String, limit: Int64, cache: DigestCache? = nil) throws -> String {
    let fd = try open(path)
    defer { close(fd) }
    let stamp = cache == nil ? nil : DigestCache.Stamp(fd)
    if let cache, let stamp, limit <= 0 || stamp.size <= limit, let known = cache.digest(of: stamp) { return known }
    let digest = try sha256(fd, path, limit: limit)
    // Only if nobody wrote meanwhile.
    if let cache, let stamp, DigestCache.Stamp(fd) == stamp { cache.keep(digest, of: stamp) }
    return digest
  }

  private static func sha256(_ fd: Int32, _ path: String, limit: Int64) throws -> String {
    let size: Int64
    do { size = try FileStatus(open: fd, path: path).size } catch { throw Failure(path: path, number: error.errno) }
    if limit > 0, size > limit { throw SizeLimitExceeded(path: path, size: size, limit: limit) }
    var hash = SHA256()
    var chunk = [UInt8](repeating: 0, count: 262_144)
    var total: Int64 = 0
    while true {
      let count = try next(fd, into: &chunk, path: path)
      if count == 0 { break }
      total += Int64(count)
      // A file that grows while it is read does not get around the limit.
      if limit > 0, total > limit { throw SizeLimitExceeded(path: path, size: total, limit: limit) }
      chunk.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
    return hexadecimal(hash.finalize())
  }

  /// The executable is larger than the attestor is allowed to read.
  struct SizeLimitExceeded: Error, CustomStringConvertible {
    let path: String
    let size: Int64
    let limit: Int64
    var description: String { "workload \(path) exceeds size limit (\(size) > \(limit))" }
  }

  private static func open(_ path: String) throws -> Int32 {
    let fd = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard fd >= 0 else { throw Failure(path: path, number: errno) }
    return fd
  }

  private static func next(_ fd: Int32, into chunk: inout [UInt8], path: String) throws -> Int {
    while true {
      let count = chunk.withUnsafeMutableBytes { Glibc.read(fd, $0.baseAddress, $0.count) }
      if count >= 0 { return count }
      if errno != EINTR { throw Failure(path: path, number: errno) }
    }
  }

  private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}
