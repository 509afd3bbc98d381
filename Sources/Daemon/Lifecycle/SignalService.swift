import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// Acts on the signals that do not end a daemon: SIGUSR1 (plugins are configured anew, metrics are dumped) and SIGUSR2
/// (the log file is opened anew). A service.
package struct SignalService: Service {
  private let onUser1: @Sendable () async -> Void
  private let onUser2: @Sendable () async -> Void

  package init(onUser1: @escaping @Sendable () async -> Void, onUser2: @escaping @Sendable () async -> Void) {
    self.onUser1 = onUser1
    self.onUser2 = onUser2
  }

  /// What the signals do in a daemon with a log and, where it has them, metrics and plugins.
  package init(
    log: LogOutput, telemetry: Telemetry? = nil, reconfigure: @escaping @Sendable () async -> Void = {}
  ) {
    let logger = log.logger
    self.init(
      onUser1: {
        await reconfigure()
        for line in telemetry?.dump() ?? [] { logger.info("\(line)") }
      },
      onUser2: {
        do {
          try log.reopen()
          if log.hasFile { logger.info("Reopened log file") }
        } catch { logger.error("Failed to reopen log file", metadata: ["error": "\(error)"]) }
      })
  }

  /// Keeps signals that arrive while the daemon still starts from killing it. Call it first.
  package static func prepare() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGUSR1, SIG_IGN)
    signal(SIGUSR2, SIG_IGN)
  }

  package func run() async throws {
    for await signal in await UnixSignalsSequence(trapping: .sigusr1, .sigusr2).cancelOnGracefulShutdown() {
      switch signal {
      case .sigusr1: await onUser1()
      default: await onUser2()
      }
    }
  }
}
