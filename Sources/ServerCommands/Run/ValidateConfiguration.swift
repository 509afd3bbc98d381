import Console
import Daemon
import Flags
import Server

/// `validate`: says whether the server would start with this configuration. It configures no plugin and opens no socket.
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
    do {
      let configuration = try ServerConfiguration.load(options.values, environment: io.environment)
      // SPIRE: the log file is opened here too.
      _ = try? LogOutput(configuration.log)
      let problems = configuration.pluginProblems()
      if !problems.isEmpty { throw CommandFailure.plain(Self.text(problems)) }
    } catch let error as ConfigurationError {
      DaemonStart.logNotices(of: error)
      // Upstream loads the file first, and only then looks at the plugins.
      let plugins = error.problems.map { (plugin: $0.plugin, message: $0.description) }
      if plugins.allSatisfy({ $0.plugin != nil }) {
        throw CommandFailure.plain(Self.text(plugins.map { ($0.plugin ?? "", $0.message) }))
      }
      throw CommandFailure.plain("SPIRE server configuration file is invalid: \(error)")
    }
    io.print("SPIRE server configuration file is valid.")
  }

  /// Upstream's block: a plugin per paragraph, in the order of the file.
  private static func text(_ problems: [(plugin: String, message: String)]) -> String {
    var lines = ["SPIRE server configuration file is invalid.", "Validation errors:"]
    var seen: Set<String> = []
    for plugin in problems.map(\.plugin) where seen.insert(plugin).inserted {
      lines.append("\t\(plugin):")
      for problem in problems where problem.plugin == plugin {
        lines += problem.message.split(separator: "\n").map { "\t\t" + $0.drop { $0 == " " } }
      }
    }
    return lines.joined(separator: "\n")
  }
}
