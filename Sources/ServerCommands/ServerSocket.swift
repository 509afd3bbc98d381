import Console
import Flags

/// The flags that find the server's admin socket, and the rule by which the environment replaces them.
struct ServerSocket: Sendable {
  static let defaultPath = "/tmp/spire-server/private/api.sock"
  private static let variable = "SPIRE_SERVER_PRIVATE_SOCKET"
  private static let template = "SPIRE_SERVER_PRIVATE_SOCKET_TEMPLATE"

  /// The variables, for the documentation.
  static let environment = [
    EnvironmentVariable(variable, "Path of the server's admin socket where `-socketPath` is not given"),
    EnvironmentVariable(template, "Path of the admin socket with `%i` for the name that `-instance` gives"),
  ]

  var path = Self.defaultPath
  var instance = ""

  /// The socket: `-socketPath` unless it is the default, then `-instance`, then the environment, then the default.
  func resolve(_ environment: [String: String]) throws(CommandFailure) -> UnixAPI {
    UnixAPI(
      path: try resolvedPath(environment),
      advice: "is spire-server running? -socketPath names its admin socket if it is elsewhere")
  }

  func resolvedPath(_ environment: [String: String]) throws(CommandFailure) -> String {
    if path != Self.defaultPath { return path }
    if !instance.isEmpty {
      guard let template = environment[Self.template], !template.isEmpty else {
        throw CommandFailure("you must define \(Self.template) to use the instance flag")
      }
      guard template.contains("%i") else { throw CommandFailure("failed to find %i in \(Self.template)") }
      return template.replacing("%i", with: instance)
    }
    guard let path = environment[Self.variable], !path.isEmpty else { return Self.defaultPath }
    return path
  }
}
