import Glibc

/// A file operation that the operating system refused, in the form `open /var/lib/keys.json: permission denied`.
///
/// Thrown by everything in `Daemon/Files`; two errors are equal when operation, path and `errno` are.
package struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The call that failed: `open`, `write`, `fsync`, `rename`, `read` ...
  package let operation: String
  package let path: String
  /// The value of `errno`; 0 when the file itself is at fault, not a call.
  package let errno: Int32
  private let detail: String?

  package init(operation: String, path: String, errno: Int32) {
    self.operation = operation
    self.path = path
    self.errno = errno
    detail = nil
  }

  package init(operation: String, path: String, detail: String) {
    self.operation = operation
    self.path = path
    errno = 0
    self.detail = detail
  }

  package var description: String {
    guard let detail else {
      let text = String(cString: strerror(errno))
      return "\(operation) \(path): \(text.prefix(1).lowercased())\(text.dropFirst())"
    }
    return "\(operation) \(path): \(detail)"
  }

  package static func == (a: FileError, b: FileError) -> Bool {
    a.operation == b.operation && a.path == b.path && a.errno == b.errno
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(operation)
    hasher.combine(path)
    hasher.combine(errno)
  }
}
