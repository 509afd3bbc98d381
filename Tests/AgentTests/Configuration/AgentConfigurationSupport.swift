import Agent
import Daemon
import HCL
import Testing

/// The smallest file that the agent starts with, with lines added to sections, or a section replaced.
struct AgentFile {
  var agent = """
    trust_domain = "example.org"
      server_address = "127.0.0.1"
      server_port = "8081"
    """
  var source = "trust_bundle_path = \"bundle.pem\""
  var plugins = """
    NodeAttestor "join_token" { plugin_data {} }
      KeyManager "memory" { plugin_data {} }
      WorkloadAttestor "unix" { plugin_data {} }
    """
  var rest = ""

  var text: String { "agent {\n  \(agent)\n  \(source)\n}\nplugins {\n  \(plugins)\n}\n\(rest)" }

  static func with(agent: String = "", plugins: String = "", rest: String = "") -> String {
    var file = AgentFile()
    file.agent += "\n  " + agent
    file.plugins += "\n  " + plugins
    file.rest = rest
    return file.text
  }

  static func with(source: String) -> String {
    var file = AgentFile()
    file.source = source
    return file.text
  }
}

func agentConfiguration(_ text: String, flags: AgentFlags = AgentFlags()) throws -> AgentConfiguration {
  try AgentConfiguration(AgentConfigFile(HCLDocument.parse(text, file: "agent.conf")), flags: flags)
}

/// What is wrong with `text`, nil if nothing is.
func agentProblems(_ text: String, flags: AgentFlags = AgentFlags()) throws -> ConfigurationError? {
  do {
    _ = try agentConfiguration(text, flags: flags)
    return nil
  } catch let error as ConfigurationError {
    return error
  }
}
