import Crypto
import Daemon
import Glibc

/// A file that is written or read in pieces: the archive, the copy of the database. Owned by one command; blocking.
final class DiskFile {
  let path: String
  private let descriptor: Int32

  /// Opens a file to read.
  init(reading path: String) throws(FileError) {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { throw FileError(operation: "open", path: path, errno: errno) }
    guard (try? FileStatus(open: descriptor, path: path))?.kind == .regular else {
      throw FileError(operation: "open", path: path, detail: "it is not a regular file")
    }
  }

  /// Makes a file of our own, for its owner alone whatever the umask; one that is in its place is removed.
  init(creating path: String) throws(FileError) {
    self.path = path
    unlink(path)
    descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw FileError(operation: "open", path: path, errno: errno) }
    guard fchmod(descriptor, 0o600) == 0 else { throw FileError(operation: "chmod", path: path, errno: errno) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func size() throws(FileError) -> Int64 { try FileStatus(open: descriptor, path: path).size }

  func write(_ bytes: [UInt8]) throws(FileError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw FileError(operation: "write", path: path, errno: errno) }
      written += count
    }
  }

  /// At most `count` bytes from `offset`; fewer only at the end of the file.
  func read(_ count: Int, at offset: Int64) throws(FileError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let got = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress! + filled, count - filled, off_t(offset) + off_t(filled))
      }
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw FileError(operation: "read", path: path, errno: errno) }
      if got == 0 { break }
      filled += got
    }
    return filled == count ? bytes : Array(bytes[..<filled])
  }

  func sync() throws(FileError) {
    guard fsync(descriptor) == 0 else { throw FileError(operation: "fsync", path: path, errno: errno) }
  }

  /// Calls `body` with `size` bytes from `offset`, a piece at a time, and returns the SHA-256 in hexadecimal digits.
  func forEachPiece(
    from offset: Int64, size: Int64, _ body: ([UInt8]) throws(FileError) -> Void
  ) throws(FileError) -> String {
    var hash = SHA256()
    var position: Int64 = 0
    while position < size {
      let piece = try read(Int(min(1 << 20, size - position)), at: offset + position)
      if piece.isEmpty { throw FileError(operation: "read", path: path, detail: "it ends too early") }
      hash.update(data: piece)
      try body(piece)
      position += Int64(piece.count)
    }
    return Self.hex(hash.finalize())
  }

  static func sha256(_ bytes: [UInt8]) -> String { hex(SHA256.hash(data: bytes)) }

  static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Makes a rename in `path`'s folder last.
  static func syncFolder(of path: String) throws(FileError) {
    let folder = Self.folder(of: path)
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(operation: "open", path: folder, errno: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError(operation: "fsync", path: folder, errno: errno) }
  }

  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static func exists(_ path: String) -> Bool { (try? FileStatus(ofLink: path)) != nil }
}
