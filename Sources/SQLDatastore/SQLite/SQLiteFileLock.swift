import Glibc

/// The lock of a SQLite database file that excludes every connection of other processes, for as long as this lives.
///
/// `restore` holds it while it replaces the file. It is a record lock on the bytes that SQLite itself locks, so a
/// server that has the database open is noticed, and one that starts meanwhile reports a locked database.
package final class SQLiteFileLock: Sendable {
  /// Another process has the database open.
  package struct InUse: Error, Hashable, Sendable {
    /// Nil where it cannot be told.
    package let pid: Int32?
  }

  // From SQLite's file format: the pending byte, the reserved byte and the shared range.
  private static let start: off_t = 0x4000_0000
  private static let length: off_t = 512

  private let descriptor: Int32

  /// Takes the lock, or returns nil where the file is not there or its file system knows no locks.
  ///
  /// - Throws: ``InUse``
  package init?(_ path: String) throws(InUse) {
    descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { return nil }
    var wanted = Self.lock
    if fcntl(descriptor, F_SETLK, &wanted) == 0 { return }
    let code = errno
    var holder = Self.lock
    let isKnown = fcntl(descriptor, F_GETLK, &holder) == 0 && Int32(holder.l_type) != F_UNLCK && holder.l_pid > 0
    close(descriptor)
    guard code == EAGAIN || code == EACCES else { return nil }
    throw InUse(pid: isKnown ? holder.l_pid : nil)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  private static var lock: flock {
    flock(l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: start, l_len: length, l_pid: 0)
  }
}
