import Glibc

/// Makes the folders that a daemon's files go into.
package enum Folder {
  /// Makes `path` and what is missing above it; does nothing when it is there.
  ///
  /// - Parameter mode: of folders made here, less the umask.
  /// - Throws: ``FileError`` that names the folder that cannot be made.
  package static func make(_ path: String, mode: UInt32) throws(FileError) {
    if let file = try? FileStatus(path) {
      guard file.kind == .folder else { throw FileError(operation: "mkdir", path: path, errno: ENOTDIR) }
      return
    }
    let trimmed = path.hasSuffix("/") ? String(path.dropLast()) : path
    if let slash = trimmed.lastIndex(of: "/"), slash != trimmed.startIndex {
      try make(String(trimmed[..<slash]), mode: mode)
    }
    guard mkdir(trimmed, mode_t(mode)) == 0 || errno == EEXIST else {
      throw FileError(operation: "mkdir", path: trimmed, errno: errno)
    }
  }
}
