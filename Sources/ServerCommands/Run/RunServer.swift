import Console
import Daemon
import Flags
import Server

/// `run`: the server itself, until it is told to stop.
struct RunServer: Command {
  typealias Options = RunOptions

  let name = "run"
  let synopsis = "Runs the server"
  let details = """
    The configuration file is read first; a flag replaces what the file says. SIGINT and SIGTERM end the server in order.
    """
  let examples = [
    CommandExample("With a file", "run -config /etc/spire/server.conf"),
    CommandExample("With variables in the file", "run -config server.conf -expandEnv"),
  ]
  var flags: [Flag<RunOptions>] { RunOptions.flags }

  func run(_ options: RunOptions, io: CommandIO) async throws {
    let configuration = try DaemonStart.load { () throws(ConfigurationError) in
      try ServerConfiguration.load(options.values, environment: io.environment)
    }
    let log = try DaemonStart.openLog(configuration.log)
    let code = await ServerRuntime(configuration, log: log).run()
    if code != 0 { throw CommandFailure.silent(exitCode: code) }
  }
}
