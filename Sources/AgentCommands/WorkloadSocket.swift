import Console
import Flags
import FoundationEssentials

/// The flags that find the agent's public socket, and the rule by which the environment replaces them.
struct WorkloadSocket: Sendable {
  static let defaultPath = "/tmp/spire-agent/public/api.sock"
  private static let variable = "SPIRE_AGENT_PUBLIC_SOCKET"
  private static let template = "SPIRE_AGENT_PUBLIC_SOCKET_TEMPLATE"

  /// The variables, for the documentation.
  static let environment = [
    EnvironmentVariable(variable, "Path of the agent's public socket where `-socketPath` is not given"),
    EnvironmentVariable(template, "Path of the public socket with `%i` for the name that `-instance` gives"),
  ]

  var path = Self.defaultPath
  var instance = ""

  func resolve(_ environment: [String: String]) throws(CommandFailure) -> UnixAPI {
    UnixAPI(
      path: try resolvedPath(environment),
      advice: "is spire-agent running? -socketPath names its public socket if it is elsewhere")
  }

  /// The socket: `-socketPath` unless it is the default, then `-instance`, then the environment, then the default.
  /// The instance's template is checked even when the path wins.
  func resolvedPath(_ environment: [String: String]) throws(CommandFailure) -> String {
    let named = try instancePath(environment)
    if path != Self.defaultPath { return Self.absolute(path) }
    if let named { return Self.absolute(named) }
    guard let path = environment[Self.variable], !path.isEmpty else { return Self.defaultPath }
    return Self.absolute(path)
  }

  private func instancePath(_ environment: [String: String]) throws(CommandFailure) -> String? {
    if instance.isEmpty { return nil }
    guard let template = environment[Self.template], !template.isEmpty else {
      // SPIRE: the text begins with a blank.
      throw .plain(" \(Self.template) environment variable must be defined when using the instance flag")
    }
    guard template.contains("%i") else { throw .plain("failed to find %i in \(Self.template)") }
    return template.replacing("%i", with: instance)
  }

  private static func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : OutputPath.join(FileManager.default.currentDirectoryPath, path)
  }
}
