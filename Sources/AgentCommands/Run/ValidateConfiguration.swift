import Agent
import Console
import Daemon
import Flags

/// `validate`: says whether the agent would start with this configuration. It loads no plugin and opens no socket.
struct ValidateConfiguration: Command {
  typealias Options = AgentOptions

  let name = "validate"
  let synopsis = "Checks the agent's configuration file"
  let details = """
    Everything that is wrong is reported at once. Takes the flags that `run` takes.
    """
  let examples = [
    CommandExample("Before a restart", "validate -config /etc/spire/agent.conf")
  ]
  var flags: [Flag<AgentOptions>] { AgentOptions.flags }

  func run(_ options: AgentOptions, io: CommandIO) async throws {
    do throws(ConfigurationError) {
      let configuration = try AgentConfiguration.load(options.values, environment: io.environment)
      // SPIRE: the log file is opened here too.
      _ = try? LogOutput(configuration.log)
    } catch {
      DaemonStart.logNotices(of: error)
      throw CommandFailure.plain("SPIRE agent configuration file is invalid: \(error)")
    }
    io.print("SPIRE agent configuration file is valid.")
  }
}
