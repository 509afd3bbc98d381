import Daemon
import DatastoreAPI
import Glibc
import Logging

/// Makes the database file with a mode that does not depend on the umask, and takes it from everybody else's eyes.
enum SQLiteFile {
  /// SPIRE: the mode that the established server's umask gives.
  static let mode: mode_t = 0o640

  /// Creates the file if it is missing, so that SQLite never does (its files follow the umask; the `-wal` and `-shm`
  /// files take the mode of this one), and removes the rights of others from files that are there.
  static func prepare(_ dsn: SQLiteDSN, logger: Logger) throws(DatastoreError) {
    guard !dsn.isInMemory else { return }
    let isOnlyOpened = dsn.uriOptions.contains { $0.name == "mode" && ($0.value == "ro" || $0.value == "rw") }
    if !isOnlyOpened { try create(dsn) }
    for path in [dsn.path, dsn.path + "-wal", dsn.path + "-shm"] { restrict(path, logger: logger) }
  }

  private static func create(_ dsn: SQLiteDSN) throws(DatastoreError) {
    let descriptor = open(dsn.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, mode)
    if descriptor >= 0 {
      close(descriptor)
      return
    }
    let code = errno
    // A file that may be read but not written fails at the first write, with a message of its own.
    if (code == EACCES || code == EROFS), access(dsn.path, R_OK) == 0 { return }
    let advice =
      switch code {
      case ENOENT: "its folder does not exist; create it or correct connection_string"
      case ENOTDIR: "a part of its path is not a folder; correct connection_string"
      case EISDIR: "it is a folder; correct connection_string"
      case EACCES, EPERM: "permission denied; give this user read and write access to the file and its folder"
      case EROFS: "the file system is read-only; choose another place in connection_string"
      case ENOSPC, EDQUOT: "the disk is full; free space and start again"
      default: String(cString: strerror(code))
      }
    throw .sql(.unavailable, "cannot open \(dsn.displayName): \(advice)")
  }

  private static func restrict(_ path: String, logger: Logger) {
    guard let file = try? FileStatus(path), file.kind == .regular, file.permissions & 0o777 & ~mode != 0 else { return }
    guard chmod(path, file.permissions & mode) == 0 else {
      let reason = String(cString: strerror(errno))
      logger.warning(
        "Database file is open to other users and its mode cannot be changed",
        metadata: ["path": "\(path)", "error": "\(reason)"])
      return
    }
  }
}
