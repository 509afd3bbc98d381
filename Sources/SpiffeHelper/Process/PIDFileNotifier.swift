import Daemon
import Logging
import SVIDFiles

/// Signals the process of `pid_file_name` after each change; a file that is not there yet is tried ten times. The X.509
/// writer rings, one task runs it.
final class PIDFileNotifier: Sendable {
  private static let tries = 10

  private let path: String
  private let signal: Int32
  private let time: any TimeSource
  private let logger: Logger
  private let bell = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

  init(path: String, signal: Int32, time: any TimeSource, logger: Logger) {
    self.path = path
    self.signal = signal
    self.time = time
    self.logger = logger
  }

  /// The files changed.
  func renewed() { bell.continuation.yield() }

  /// Runs until the task is cancelled.
  func run() async {
    for await _ in bell.stream {
      var retry = RetrySchedule.pidFile
      for number in 1...Self.tries {
        do throws(SVIDFileError) {
          try PIDFile.send(signal, toProcessIn: path)
          break
        } catch {
          if number == Self.tries { logger.error("Unable to signal PID file", metadata: ["error": "\(error)"]) }
        }
        guard number < Self.tries else { break }
        do { try await time.sleep(for: retry.next()) } catch { return }
      }
    }
  }
}
