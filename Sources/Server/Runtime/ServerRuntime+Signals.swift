import Daemon
import Logging
import Plugins

extension ServerRuntime {
  /// Reads plugin data again and dumps metrics on SIGUSR1, reopens the log file on SIGUSR2.
  func signals(_ telemetry: Telemetry, _ catalog: PluginCatalog) -> SignalService {
    let (log, logger) = (log, logger)
    return SignalService(
      onUser1: {
        await catalog.reconfigure()
        for line in telemetry.dump() { logger.info("\(line)") }
      },
      onUser2: {
        do {
          try log.reopen()
          if log.hasFile { logger.info("Reopened log file") }
        } catch { logger.error("Failed to reopen log file", metadata: ["error": "\(error)"]) }
      })
  }
}
