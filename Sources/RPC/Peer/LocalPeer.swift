import CHost
import CPeer
import Glibc

/// The process that connected a Unix socket, as the kernel recorded it then (SO_PEERCRED).
package struct LocalPeer: Sendable {
  /// 0 when the process lives in another PID namespace.
  package let pid: Int32
  package let uid: UInt32
  package let gid: UInt32
  /// Tells whether that process, and not a later one with its number, is still there.
  package let process: ProcessHandle
  /// Which file the process executed when the connection was accepted; `nil` when the kernel did not tell.
  package let executable: Executable?

  /// A file, as the kernel tells it from all others.
  package struct Executable: Hashable, Sendable {
    package let device: UInt64
    package let inode: UInt64

    package init(device: UInt64, inode: UInt64) {
      self.device = device
      self.inode = inode
    }

    /// What the process `pid` executes now. No disk or file server is asked.
    package init?(of pid: Int32) {
      var (device, inode): (UInt, UInt) = (0, 0)
      guard pid > 0, chost_file_identity("/proc/\(pid)/exe", &device, &inode) == 0 else { return nil }
      self.init(device: UInt64(device), inode: UInt64(inode))
    }
  }

  package init(pid: Int32, uid: UInt32, gid: UInt32, process: ProcessHandle, executable: Executable? = nil) {
    self.pid = pid
    self.uid = uid
    self.gid = gid
    self.process = process
    self.executable = executable
  }

  /// The process at the other end of an accepted Unix socket; `nil`, with errno, when the kernel does not name one.
  package init?(connectedTo socket: Int32) {
    var (pid, uid, gid): (pid_t, uid_t, gid_t) = (0, 0, 0)
    let error = cpeer_credentials(socket, &pid, &uid, &gid)
    guard error == 0 else {
      errno = error
      return nil
    }
    // The handle first: what the executable was is the caller's only if the caller is still there afterwards.
    let process = ProcessHandle(connectedTo: socket, pid: pid)
    self.init(pid: pid, uid: uid, gid: gid, process: process, executable: Executable(of: pid))
  }

  /// The path of the process's executable, or `nil` when it cannot be read. Blocks for one system call.
  package var executablePath: String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/\(pid)/exe", &buffer, buffer.count)
    guard length > 0 else { return nil }
    return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
