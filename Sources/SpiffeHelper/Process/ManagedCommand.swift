import Daemon
import Glibc
import Logging
import SVIDFiles
import Synchronization

/// The program of `cmd`: started when the first files are there, signalled when they change, started again if it has ended
/// by then, and ended with the helper.
///
/// The X.509 writer tells it of changes, one at a time; ``collect()`` waits for its ends on a task of its own. A lock guards
/// which one runs.
final class ManagedCommand: Sendable {
  /// How long the program has to end after SIGTERM, in seconds.
  private static let patience = 10

  private let command: HelperConfiguration.Command
  private let signal: Int32?
  private let logger: Logger
  private let current = Mutex<RunningProgram?>(nil)
  private let started = AsyncStream.makeStream(of: RunningProgram.self)

  init(_ command: HelperConfiguration.Command, signal: Int32?, logger: Logger) {
    self.command = command
    self.signal = signal
    self.logger = logger
  }

  /// The files changed.
  func renewed() async {
    if let running = current.withLock({ $0 }), !running.hasEnded {
      // SPIRE: without renew_signal a program that runs is left alone.
      if let signal { running.send(signal) }
      return
    }
    do {
      let program = try RunningProgram.start(
        command.program, command.arguments, streams: .inherited, deathSignal: SIGTERM)
      current.withLock { $0 = program }
      started.continuation.yield(program)
    } catch { logger.error("Unable to signal process", metadata: ["error": "\(error)"]) }
  }

  /// Waits for the ends of all programs; returns after ``end()``.
  func collect() async {
    for await program in started.stream {
      let status = await program.waitForExit()
      logger.info(
        "The command ended; it is started again when the files change",
        metadata: ["status": "\(status < 0 ? "signal \(-status)" : "\(status)")"])
    }
  }

  /// Ends the program that runs; nothing is started any more.
  func end() async {
    await current.withLock({ $0 })?.end(within: Self.patience)
    started.continuation.finish()
  }
}
