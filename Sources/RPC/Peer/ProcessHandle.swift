import CPeer
import Glibc

/// A lasting reference to one process: a pidfd where the kernel gives one, and the process's start time otherwise.
///
/// It owns the pidfd and closes it with the last reference. Made when a connection is accepted, used from any thread.
package final class ProcessHandle: Sendable {
  package let pid: Int32
  /// A pidfd of the process, or -1.
  package let descriptor: Int32
  private let startTime: UInt64?
  private let wasGone: Bool

  /// The process that connected the Unix socket `socket`, whose credentials name `pid`.
  package init(connectedTo socket: Int32, pid: Int32) {
    self.pid = pid
    let fromSocket = cpeer_pidfd(socket)
    if fromSocket >= 0 {
      descriptor = fromSocket
      startTime = nil
      wasGone = false
      return
    }
    // Before Linux 6.5 the socket knows no pidfd. Between the connection and this call the number may have passed to
    // another process only if the first one is gone; the start time, read around the open, shows a change after it.
    // A process that cannot be held is treated as one that is gone: for want of a descriptor or of memory nobody is
    // known by less than the socket knows.
    if [-ESRCH, -ENODATA, -EMFILE, -ENFILE, -ENOMEM].contains(fromSocket) || pid <= 0 {
      descriptor = -1
      startTime = nil
      wasGone = true
      return
    }
    let before = Self.startTime(of: pid)
    let opened = cpeer_pidfd_open(pid)
    let after = Self.startTime(of: pid)
    descriptor = opened >= 0 ? opened : -1
    startTime = before
    wasGone = before == nil || before != after
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Whether the process still runs. A zombie does not.
  package var isAlive: Bool {
    if wasGone { return false }
    if descriptor >= 0 {
      var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      while true {
        let ready = poll(&request, 1, 0)
        if ready < 0 && errno == EINTR { continue }
        if ready != 0 { return false }
        break
      }
    }
    return startTime == nil || Self.startTime(of: pid) == startTime
  }

  /// Field 22 of `/proc/<pid>/stat`: the start time in clock ticks since boot.
  package static func startTime(of pid: Int32) -> UInt64? {
    let file = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 1024)
    let count = read(file, &buffer, buffer.count)
    guard count > 0 else { return nil }
    return startTime(inStat: buffer[..<count])
  }

  /// The start time in the text of a `stat` file. The name in parentheses may hold anything, so counting starts
  /// after the last `)`.
  static func startTime(inStat stat: ArraySlice<UInt8>) -> UInt64? {
    guard let end = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = stat[(end + 1)...].split(separator: UInt8(ascii: " "))
    guard fields.count > 19 else { return nil }
    return UInt64(String(decoding: fields[19], as: UTF8.self))
  }
}
