import Daemon
package import Flags
import Glibc

/// The file that a flag names, or standard input.
package enum InputFile {
  private static let limit = 64 << 20

  /// The file's bytes; `-` (and, where the flag allows it, no path) stands for standard input.
  ///
  /// - Throws: an error that names the path and why it cannot be read.
  package static func read(_ path: String, io: CommandIO) throws -> [UInt8] {
    if path.isEmpty || path == "-" { return try io.readInput(limit) }
    guard let bytes = try BoundedFile.read(path, limit: limit) else {
      throw FileError(operation: "open", path: path, errno: ENOENT)
    }
    return bytes
  }
}
