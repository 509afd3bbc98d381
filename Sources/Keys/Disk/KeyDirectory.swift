import Daemon
import Glibc

/// The folder of the agent's key file: made on demand, for its owner alone, and proven writable before it is needed.
enum KeyDirectory {
  static func prepare(_ directory: String) throws(KeysError) {
    do {
      try make(directory)
      try probe(directory + "/.probe")
    } catch {
      throw KeysError(.invalidArgument, "directory validation failed: \(error)", cause: error)
    }
  }

  /// Makes the folder and every missing one above it.
  private static func make(_ directory: String) throws(FileError) {
    if let file = try? FileStatus(directory) {
      guard file.kind == .folder else {
        throw FileError(operation: "mkdir", path: directory, errno: ENOTDIR)
      }
      return
    }
    var end = directory.index(after: directory.startIndex)
    while true {
      let slash = directory[end...].firstIndex(of: "/") ?? directory.endIndex
      let part = String(directory[..<slash])
      if mkdir(part, 0o700) != 0 && errno != EEXIST {
        throw FileError(operation: "mkdir", path: part, errno: errno)
      }
      guard slash < directory.endIndex else { break }
      end = directory.index(after: slash)
      if end == directory.endIndex { break }
    }
  }

  private static func probe(_ path: String) throws(FileError) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw FileError(operation: "open", path: path, errno: errno) }
    close(file)
    guard unlink(path) == 0 else { throw FileError(operation: "remove", path: path, errno: errno) }
  }
}
