package import Daemon
package import Flags
import Logging

/// What the commands of the daemons do with a configuration before there is a daemon. Called by `run` and `validate`.
package enum DaemonStart {
  /// Reads and checks the configuration; what is to be said about a bad one is logged where it asks for.
  package static func load<Configuration>(
    _ read: () throws(ConfigurationError) -> Configuration
  ) throws(CommandFailure) -> Configuration {
    do { return try read() } catch {
      logNotices(of: error)
      throw CommandFailure.plain("\(error)")
    }
  }

  package static func openLog(_ settings: LogSettings) throws(CommandFailure) -> LogOutput {
    do { return try LogOutput(settings) } catch {
      throw CommandFailure.plain("could not start logger: \(error)")
    }
  }

  package static func logNotices(of error: ConfigurationError) {
    if !error.notices.isEmpty, let log = try? LogOutput(error.log) { log.logger.log(error.notices) }
  }
}
