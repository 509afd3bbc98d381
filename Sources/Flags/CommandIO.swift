import FoundationEssentials
import Glibc

/// What a command reads and prints: standard output and error, standard input, and the environment.
///
/// Commands take it as an argument and touch no global stream, so that tests run them in process with ``CapturedIO``.
package struct CommandIO: Sendable {
  /// Writes to standard output, as it is.
  package var out: @Sendable (String) -> Void
  /// Writes to standard error, as it is.
  package var err: @Sendable (String) -> Void
  /// Reads standard input to its end, or fails when it holds more than the limit in bytes.
  package var readInput: @Sendable (_ limit: Int) throws -> [UInt8]
  package var environment: [String: String]

  package init(
    out: @escaping @Sendable (String) -> Void, err: @escaping @Sendable (String) -> Void,
    readInput: @escaping @Sendable (_ limit: Int) throws -> [UInt8], environment: [String: String]
  ) {
    self.out = out
    self.err = err
    self.readInput = readInput
    self.environment = environment
  }

  /// Writes one line to standard output.
  package func print(_ line: String = "") { out(line + "\n") }

  /// Writes one line to standard error.
  package func printError(_ line: String) { err(line + "\n") }

  /// Reads standard input to its end; fails above 16 MiB.
  package func input() throws -> [UInt8] { try readInput(16 << 20) }

  /// The streams and the environment of this process.
  package static var process: CommandIO {
    CommandIO(
      out: { write($0, to: STDOUT_FILENO) }, err: { write($0, to: STDERR_FILENO) }, readInput: readStandardInput,
      environment: ProcessInfo.processInfo.environment)
  }

  /// `text` for a terminal: control characters other than line ends and tabs as `\x1b`, since names, labels and error
  /// texts of others are in it, which must not move the cursor or ring.
  package static func visible(_ text: String) -> String {
    func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
      scalar == "\n" || scalar == "\t" || scalar.properties.generalCategory != .control
    }
    guard !text.unicodeScalars.allSatisfy(isHarmless) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if isHarmless(scalar) {
        result.append(scalar)
      } else {
        let digits = String(scalar.value, radix: 16)
        result.append(contentsOf: ("\\x" + (digits.utf8.count < 2 ? "0" : "") + digits).unicodeScalars)
      }
    }
    return String(result)
  }

  /// Writes all of `text`; to a terminal only what it shows, into files and pipes as it is. A reader that went away is not
  /// the command's business.
  private static func write(_ text: String, to descriptor: Int32) {
    var text = isatty(descriptor) == 1 ? visible(text) : text
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)[...]
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
      }
    }
  }

  private static func readStandardInput(_ limit: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = chunk.withUnsafeMutableBytes { read(STDIN_FILENO, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else {
        throw CommandFailure("unable to read standard input: \(String(cString: strerror(errno)))")
      }
      if count == 0 { return bytes }
      guard bytes.count + count <= limit else {
        throw CommandFailure("standard input is larger than \(limit) bytes")
      }
      bytes.append(contentsOf: chunk[..<count])
    }
  }
}
