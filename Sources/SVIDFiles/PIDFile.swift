import Daemon
import Glibc

/// Signals a process whose id stands in a file, read anew each time.
package enum PIDFile {
  /// - Throws: ``SVIDFileError`` with upstream's words.
  package static func send(_ signal: Int32, toProcessIn path: String) throws(SVIDFileError) {
    let read: [UInt8]?
    do { read = try BoundedFile.read(path, limit: 4096) } catch {
      throw SVIDFileError(.program, "failed to read pid file \(GoText.quote(path)): \(error)", cause: error)
    }
    guard let bytes = read else {
      throw SVIDFileError(
        .program, "failed to read pid file \(GoText.quote(path)): open \(path): no such file or directory")
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let trimmed = text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed()
    // 0 and below would be whole groups of processes, ours among them.
    guard let pid = Int32(String(trimmed)), pid > 0 else {
      throw SVIDFileError(.program, "failed to parse pid file \(GoText.quote(path)): it holds no process id")
    }
    guard kill(pid, signal) == 0 else {
      throw SVIDFileError(.program, "error signaling process \(pid) with signal num \(signal): \(GoText.errno(errno))")
    }
  }
}
