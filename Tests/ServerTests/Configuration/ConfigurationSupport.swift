import Daemon
import HCL
import Server
import Testing

/// The smallest file that the server starts with, with lines added to sections, or a section replaced.
struct ServerFile {
  var server = "trust_domain = \"example.org\"\n  data_dir = \"/var/lib/spire\"\n  bind_address = \"127.0.0.1\""
  var plugins = """
    DataStore "sql" { plugin_data { database_type = "sqlite3" connection_string = "x.sqlite3" } }
      KeyManager "memory" { plugin_data {} }
    """
  var rest = ""

  var text: String { "server {\n  \(server)\n}\nplugins {\n  \(plugins)\n}\n\(rest)" }

  static func with(server: String = "", plugins: String = "", rest: String = "") -> String {
    var file = ServerFile()
    file.server += "\n  " + server
    file.plugins += "\n  " + plugins
    file.rest = rest
    return file.text
  }
}

func serverConfiguration(
  _ text: String, flags: ServerFlags = ServerFlags()
) throws -> ServerConfiguration {
  try ServerConfiguration(ServerConfigFile(HCLDocument.parse(text, file: "server.conf")), flags: flags)
}

/// What is wrong with `text`, nil if nothing is.
func serverProblems(_ text: String, flags: ServerFlags = ServerFlags()) throws -> ConfigurationError? {
  do {
    _ = try serverConfiguration(text, flags: flags)
    return nil
  } catch let error as ConfigurationError {
    return error
  }
}
