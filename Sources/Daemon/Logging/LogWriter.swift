import Glibc
import Synchronization

/// Where log lines go: standard output or a file that can be reopened. Owns the file's descriptor.
///
/// Called from any thread; a line is written under the lock by as few calls as the system allows, so lines are never
/// torn by one another.
package final class LogWriter: Sendable {
  /// The log file cannot be opened.
  package struct OpenError: Error, CustomStringConvertible {
    package let path: String
    package let code: Int32

    package var description: String {
      "open \(path): \(GoText.errno(code)); check log_file and the permissions of its directory"
    }
  }

  /// The file, or `nil` for standard output.
  package let path: String?
  private let descriptor: Mutex<Int32>

  package static let standardOutput = LogWriter(path: nil, descriptor: STDOUT_FILENO)

  private init(path: String?, descriptor: Int32) {
    self.path = path
    self.descriptor = Mutex(descriptor)
  }

  /// Appends to the file at `path`, which is made with mode 0640 (less the umask) if it is missing.
  package convenience init(path: String) throws(OpenError) {
    self.init(path: path, descriptor: try Self.open(path))
  }

  /// Writes to a descriptor that stays somebody else's.
  package convenience init(borrowing descriptor: Int32) { self.init(path: nil, descriptor: descriptor) }

  deinit {
    if path != nil { close(descriptor.withLock { $0 }) }
  }

  /// Opens the file anew, after it was moved away. On failure the old file stays in use.
  package func reopen() throws(OpenError) {
    guard let path else { return }
    let fresh = try Self.open(path)
    let old = descriptor.withLock { descriptor in
      let old = descriptor
      descriptor = fresh
      return old
    }
    close(old)
  }

  /// Whether the lines are read by somebody at a terminal.
  package var isTerminal: Bool { descriptor.withLock { isatty($0) == 1 } }

  func write(_ line: String) {
    var line = line
    line.withUTF8 { bytes in
      descriptor.withLock { descriptor in
        var rest = UnsafeRawBufferPointer(bytes)
        while !rest.isEmpty {
          let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
          if count < 0 && errno == EINTR { continue }
          if count < 0 && errno == EAGAIN {
            // Somebody made the pipe non-blocking: wait, as a torn line is worse than a late one.
            var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            if poll(&request, 1, 1000) > 0 { continue }
            return
          }
          // A full disk must not stop the daemon; the line is lost.
          guard count > 0 else { return }
          rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
      }
    }
  }

  private static func open(_ path: String) throws(OpenError) -> Int32 {
    let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw OpenError(path: path, code: errno) }
    return descriptor
  }
}
