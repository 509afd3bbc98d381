import Agent
import Daemon
import Flags
import Logging

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
    let configuration: AgentConfiguration
    do {
      configuration = try AgentConfiguration.load(options.values, environment: io.environment)
    } catch {
      if !error.notices.isEmpty, let log = try? LogOutput(error.log) { log.logger.log(error.notices) }
      throw CommandFailure.plain("\(error)")
    }
    let log: LogOutput
    do { log = try LogOutput(configuration.log) } catch {
      throw CommandFailure.plain("could not start logger: \(error)")
    }
    let code = await AgentRuntime(configuration, log: log).run()
    if code != 0 { throw CommandFailure.silent(exitCode: code) }
  }
}
