import Daemon
import FoundationEssentials
import Glibc

/// Where `spire dev` keeps its files: one folder, owned by this user and closed to others except for the way to the
/// Workload API socket.
package struct DevLayout: Sendable {
  package let directory: String

  package init(directory: String) { self.directory = directory }

  /// `/tmp/spire-dev-<uid>`: short, since the path of a Unix socket holds at most 107 bytes.
  package static var defaultDirectory: String { "/tmp/spire-dev-\(getuid())" }

  var serverDirectory: String { directory + "/server" }
  var agentDirectory: String { directory + "/agent" }
  var serverConfiguration: String { directory + "/server.conf" }
  var agentConfiguration: String { directory + "/agent.conf" }
  var serverSocket: String { serverDirectory + "/api.sock" }
  var agentSocket: String { agentDirectory + "/api.sock" }
  /// Beside the agent's folder: upstream refuses it in the folder of the workloads' socket.
  var agentAdminSocket: String { directory + "/admin.sock" }
  var serverLog: String { directory + "/server.log" }
  var agentLog: String { directory + "/agent.log" }
  var bundle: String { directory + "/bundle.pem" }
  var tokenFile: String { agentDirectory + "/join-token" }
  var lock: String { directory + "/lock" }

  /// Makes the folders; refuses one that belongs to somebody else or is a symbolic link.
  package func prepare() throws(DevError) {
    guard agentSocket.utf8.count <= 107, serverSocket.utf8.count <= 107 else {
      throw DevError(
        "the folder's path is too long for a Unix socket: \(directory)", hint: "choose a shorter one with -dir")
    }
    for (path, mode) in [(directory, mode_t(0o700)), (serverDirectory, 0o700), (agentDirectory, 0o700)] {
      if mkdir(path, mode) != 0 && errno != EEXIST {
        throw DevError(
          "cannot make the folder \(path): \(String(cString: strerror(errno)))", hint: "choose another one with -dir")
      }
      guard let status = try? FileStatus(ofLink: path), status.kind == .folder, status.user == getuid() else {
        throw DevError("\(path) is not a folder of this user", hint: "remove it, or choose another one with -dir")
      }
      guard chmod(path, mode) == 0 else {
        throw DevError("cannot close \(path) to others: \(String(cString: strerror(errno)))", hint: "")
      }
    }
  }

  /// Writes a file that only this user can read.
  func write(_ text: String, to path: String) throws(DevError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw DevError("cannot write \(path): \(String(cString: strerror(errno)))", hint: "")
    }
    defer { close(descriptor) }
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else {
        throw DevError("cannot write \(path): \(String(cString: strerror(errno)))", hint: "is the disk full?")
      }
      bytes = bytes.dropFirst(count)
    }
  }

  /// Takes the folder's lock for the life of this process; two developers' servers in one folder would fight.
  func takeLock() throws(DevError) -> Int32 {
    let descriptor = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      if descriptor >= 0 { close(descriptor) }
      throw DevError(
        "another `spire dev` uses \(directory)", hint: "stop it, or choose another folder with -dir")
    }
    return descriptor
  }
}
