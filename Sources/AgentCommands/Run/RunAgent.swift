import Agent
import Console
import Daemon
import Flags

/// `run`: the agent itself, until it is told to stop.
struct RunAgent: Command {
  typealias Options = AgentOptions

  let name = "run"
  let synopsis = "Runs the agent"
  let details = """
    The configuration file is read first; a flag replaces what the file says. SIGINT and SIGTERM end the agent in order.
    """
  let examples = [
    CommandExample("First start with a join token", "run -config /etc/spire/agent.conf -joinTokenFile token"),
    CommandExample("Later starts", "run -config /etc/spire/agent.conf"),
  ]
  var flags: [Flag<AgentOptions>] { AgentOptions.flags }

  func run(_ options: AgentOptions, io: CommandIO) async throws {
    let configuration = try DaemonStart.load { () throws(ConfigurationError) in
      try AgentConfiguration.load(options.values, environment: io.environment)
    }
    let log = try DaemonStart.openLog(configuration.log)
    let code = await AgentRuntime(configuration, log: log).run()
    if code != 0 { throw CommandFailure.silent(exitCode: code) }
  }
}
