import Glibc

/// Reads whole files of a known greatest size, so that a wrong path (a device, a log) cannot fill the memory.
package enum BoundedFile {
  /// The file's bytes, or `nil` when there is no such file.
  ///
  /// - Throws: ``FileError`` when the file cannot be read or holds more than `limit` bytes.
  package static func read(_ path: String, limit: Int) throws(FileError) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else {
      if errno == ENOENT { return nil }
      throw FileError(operation: "open", path: path, errno: errno)
    }
    defer { close(file) }
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
      let count = chunk.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress!, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError(operation: "read", path: path, errno: errno)
      }
      if count == 0 { return content }
      guard content.count + count <= limit else {
        throw FileError(operation: "read", path: path, detail: "larger than the \(limit) bytes that are accepted here")
      }
      content += chunk[..<count]
    }
  }
}
