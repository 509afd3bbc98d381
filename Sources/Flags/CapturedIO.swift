import Synchronization

/// Streams in memory for tests of commands: feeds standard input and keeps what is printed. A lock guards the texts.
package final class CapturedIO: Sendable {
  private let texts = Mutex((out: "", err: ""))
  private let input: [UInt8]
  private let environment: [String: String]

  package init(input: String = "", environment: [String: String] = [:]) {
    self.input = Array(input.utf8)
    self.environment = environment
  }

  /// What to hand to the command.
  package var io: CommandIO {
    CommandIO(
      out: { text in self.texts.withLock { $0.out += text } },
      err: { text in self.texts.withLock { $0.err += text } },
      readInput: { limit in
        guard self.input.count <= limit else {
          throw CommandFailure("standard input is larger than \(limit) bytes")
        }
        return self.input
      },
      environment: environment)
  }

  /// Everything printed on standard output so far.
  package var stdout: String { texts.withLock { $0.out } }
  /// Everything printed on standard error so far.
  package var stderr: String { texts.withLock { $0.err } }
}
