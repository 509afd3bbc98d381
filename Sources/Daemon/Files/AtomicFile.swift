import Glibc

/// Replaces whole files so that a reader, or the next start after a power cut, finds the old content or the new one.
///
/// Key managers and the agent's data file use it. The calls block; event loops and the cooperative pool stay away.
/// Two writers of one path must be serialised by their owner, as both use `<path>.tmp`.
package enum AtomicFile {
  /// Writes `bytes` to `<path>.tmp`, syncs it, renames it to `path` and syncs the directory.
  ///
  /// The file's mode is exactly `mode`, whatever the umask. When anything up to the rename fails, `path` is
  /// untouched and the temporary file is removed.
  ///
  /// - Throws: ``FileError`` that names the call and the path.
  package static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o600) throws(FileError) {
    let temporary = path + ".tmp"
    do throws(FileError) {
      try fill(temporary, with: bytes, mode: mode)
      guard rename(temporary, path) == 0 else { throw FileError(operation: "rename", path: path, errno: errno) }
    } catch {
      unlink(temporary)
      throw error
    }
    try syncDirectory(of: path)
  }

  /// Moves a file that cannot be used away, beside its place, and tells where it is now: `<path>.damaged-<seconds>`.
  package static func setAside(_ path: String) throws(FileError) -> String {
    let kept = "\(path).damaged-\(Glibc.time(nil))"
    guard rename(path, kept) == 0 else { throw FileError(operation: "rename", path: path, errno: errno) }
    return kept
  }

  private static func fill(_ path: String, with bytes: [UInt8], mode: UInt32) throws(FileError) {
    // A file of our own: neither a link planted here nor somebody's open handle on an older one may get the bytes.
    unlink(path)
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode_t(mode))
    guard file >= 0 else { throw FileError(operation: "open", path: path, errno: errno) }
    defer { close(file) }
    guard fchmod(file, mode_t(mode)) == 0 else { throw FileError(operation: "chmod", path: path, errno: errno) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + written, $0.count - written) }
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError(operation: "write", path: path, errno: errno)
      }
      written += count
    }
    guard fsync(file) == 0 else { throw FileError(operation: "fsync", path: path, errno: errno) }
  }

  private static func syncDirectory(of path: String) throws(FileError) {
    var parent = "."
    if let slash = path.lastIndex(of: "/") {
      parent = slash == path.startIndex ? "/" : String(path[..<slash])
    }
    let directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw FileError(operation: "open", path: parent, errno: errno) }
    defer { close(directory) }
    guard fsync(directory) == 0 else { throw FileError(operation: "fsync", path: parent, errno: errno) }
  }
}
