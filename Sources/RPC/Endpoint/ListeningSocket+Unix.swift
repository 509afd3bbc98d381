import CPeer
import Daemon
import Glibc
import NIOCore

extension ListeningSocket {
  /// Binds and listens on a Unix socket.
  ///
  /// A missing directory is made with `directoryMode`. A socket file that nobody answers on is removed; one that a
  /// server answers on is left alone. The directory is locked meanwhile, so of two servers that start at once one wins.
  ///
  /// - Parameters:
  ///   - mode: the socket's mode, whatever the umask: 0770 for the server, 0777 for the Workload API.
  ///   - directoryMode: the mode of directories made here; existing ones are not touched.
  /// - Throws: ``EndpointError`` that names the path and, if it is known, the process that listens there.
  package static func unix(path: String, mode: UInt32, directoryMode: UInt32) throws -> ListeningSocket {
    let address: SocketAddress
    do {
      address = try SocketAddress(unixDomainSocketPath: path)
    } catch {
      throw EndpointError(
        code: .badAddress,
        message: "socket path \(path) is empty or longer than 107 bytes; choose a shorter socket_path")
    }
    let parent = directory(of: path)
    try makeDirectories(parent, mode: directoryMode)
    let lock = try lockDirectory(parent, socket: path)
    defer { close(lock) }
    try removeStale(path, address)

    let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { throw EndpointError.system("cannot open a socket for \(path)", errno) }
    do {
      guard address.withSockAddr({ Glibc.bind(socket, $0, socklen_t($1)) }) == 0 else {
        throw EndpointError.system(
          "listen unix \(path): bind", errno, advice: "give this user write access to \(parent) or change socket_path")
      }
      try setMode(of: path, mode)
      // Listening before the lock is let go: a second server must see that somebody answers.
      guard listen(socket, 512) == 0 else { throw EndpointError.system("listen unix \(path)", errno) }
      let file: FileStatus
      do { file = try FileStatus(ofLink: path) } catch { throw EndpointError.system("stat \(path)", error.errno) }
      return ListeningSocket(
        address: .unix(path: path), descriptor: socket, file: (device: file.device, inode: file.inode))
    } catch {
      close(socket)
      throw error
    }
  }

  /// Sets the mode of the socket file, and of nothing else: whoever may write into its directory could have put a link, or
  /// another file's name, into its place since it was bound.
  static func setMode(of path: String, _ mode: UInt32) throws {
    // O_PATH, which Glibc's module leaves out.
    let file = open(path, 0o10_000_000 | O_NOFOLLOW | O_CLOEXEC)
    guard file >= 0 else { throw EndpointError.system("chmod \(path)", errno) }
    defer { close(file) }
    guard let kind = (try? FileStatus(open: file, path: path))?.kind else {
      throw EndpointError.system("chmod \(path)", errno)
    }
    guard kind == .socket else {
      throw EndpointError(
        code: .badAddress,
        message: "\(path) was replaced while the socket was made; choose a directory that only this user can write to")
    }
    // A descriptor without rights to the file cannot be given to fchmod.
    guard chmod("/proc/self/fd/\(file)", mode_t(mode)) == 0 else { throw EndpointError.system("chmod \(path)", errno) }
  }

  private static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func makeDirectories(_ path: String, mode: UInt32) throws {
    if let file = try? FileStatus(path) {
      guard file.kind == .folder else {
        throw EndpointError(code: .badAddress, message: "\(path) is not a directory; a socket cannot be made in it")
      }
      return
    }
    let parent = directory(of: path)
    if parent != path { try makeDirectories(parent, mode: mode) }
    guard mkdir(path, mode_t(mode)) == 0 || errno == EEXIST else {
      throw EndpointError.system(
        "cannot make the directory \(path) for a socket", errno, advice: "make it for this user or change socket_path")
    }
  }

  private static func lockDirectory(_ path: String, socket: String) throws -> Int32 {
    let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw EndpointError.system("cannot open the directory \(path) of a socket", errno) }
    // Some file systems know no locks; then there is none.
    if flock(directory, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK {
      close(directory)
      throw EndpointError(
        code: .inUse,
        message: "another process is starting a server in \(path); \(socket) is left as it is, try again")
    }
    return directory
  }

  private static func removeStale(_ path: String, _ address: SocketAddress) throws {
    guard let file = try? FileStatus(ofLink: path) else { return }
    guard file.kind == .socket else {
      throw EndpointError(
        code: .badAddress, message: "\(path) exists and is not a socket; remove it or change socket_path")
    }
    let probe = Glibc.socket(
      AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard probe >= 0 else { throw EndpointError.system("cannot open a socket for \(path)", errno) }
    defer { close(probe) }
    let connected = address.withSockAddr { Glibc.connect(probe, $0, socklen_t($1)) }
    // EAGAIN: somebody listens whose queue is full.
    if connected == 0 || errno == EAGAIN {
      var pid: pid_t = 0
      var uid: uid_t = 0
      var gid: gid_t = 0
      let isKnown = cpeer_credentials(probe, &pid, &uid, &gid) == 0 && pid > 0
      throw EndpointError(
        code: .inUse,
        message: "another server\(isKnown ? " (pid \(pid))" : "") already listens on \(path); "
          + "stop it or change socket_path")
    }
    guard errno == ECONNREFUSED else {
      if errno == ENOENT { return }
      throw EndpointError.system("cannot tell whether \(path) is in use", errno)
    }
    guard unlink(path) == 0 || errno == ENOENT else {
      throw EndpointError.system("cannot remove the stale socket \(path)", errno)
    }
  }
}
