import Glibc
import NIOCore
import SQLDatastore

/// Tells whether a server uses the files of a ``ServerState``. `restore` asks before it replaces them.
enum RunningServer {
  /// Refuses when a server answers on the admin socket.
  static func refuseAnswering(_ socketPath: String) throws {
    guard answers(socketPath) else { return }
    throw ServerError(
      .serverIsRunning,
      "a server answers on \(socketPath); stop it, and whatever would start it again, then restore")
  }

  /// Takes the lock of the database file, so that no server opens it until the lock goes away.
  static func lock(_ databasePath: String) throws -> SQLiteFileLock? {
    do throws(SQLiteFileLock.InUse) {
      return try SQLiteFileLock(databasePath)
    } catch {
      throw ServerError(
        .serverIsRunning,
        "another process\(error.pid.map { " (pid \($0))" } ?? "") has \(databasePath) open; stop it, and whatever would "
          + "start it again, then restore")
    }
  }

  private static func answers(_ path: String) -> Bool {
    guard let address = try? SocketAddress(unixDomainSocketPath: path) else { return false }
    let probe = Glibc.socket(
      AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard probe >= 0 else { return false }
    defer { close(probe) }
    let connected = address.withSockAddr { Glibc.connect(probe, $0, socklen_t($1)) }
    // EAGAIN: somebody listens whose queue is full. EACCES: somebody's socket that this user may not use.
    return connected == 0 || errno == EAGAIN || errno == EACCES
  }
}
