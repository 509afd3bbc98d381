import Glibc

/// The process that connected a Unix socket, as the kernel recorded it then (SO_PEERCRED).
package struct LocalPeer: Sendable {
  /// 0 when the process lives in another PID namespace.
  package let pid: Int32
  package let uid: UInt32
  package let gid: UInt32
  /// Tells whether that process, and not a later one with its number, is still there.
  package let process: ProcessHandle

  package init(pid: Int32, uid: UInt32, gid: UInt32, process: ProcessHandle) {
    self.pid = pid
    self.uid = uid
    self.gid = gid
    self.process = process
  }

  /// The path of the process's executable, or `nil` when it cannot be read. Blocks for one system call.
  package var executablePath: String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/\(pid)/exe", &buffer, buffer.count)
    guard length > 0 else { return nil }
    return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
