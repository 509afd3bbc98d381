import Daemon
import Flags
import Logging
import Server

/// `validate`: says whether the server would start with this configuration. It loads no plugin and opens no socket.
struct ValidateConfiguration: Command {
  typealias Options = RunOptions

  let name = "validate"
  let synopsis = "Validates a SPIRE server configuration file"
  let details = """
    Everything that is wrong is reported at once. Takes the flags that `run` takes.
    """
  let examples = [
    CommandExample("Before a restart", "validate -config /etc/spire/server.conf")
  ]
  var flags: [Flag<RunOptions>] { RunOptions.flags }

  func run(_ options: RunOptions, io: CommandIO) async throws {
    do throws(ConfigurationError) {
      let configuration = try ServerConfiguration.load(options.values, environment: io.environment)
      // SPIRE: the log file is opened here too.
      _ = try? LogOutput(configuration.log)
    } catch {
      if !error.notices.isEmpty, let log = try? LogOutput(error.log) { log.logger.log(error.notices) }
      throw CommandFailure.plain("SPIRE server configuration file is invalid: \(error)")
    }
    io.print("SPIRE server configuration file is valid.")
  }
}
