import Daemon
package import Flags

/// The commands of `spire-agent`, one line each.
package enum AgentCommandTree {
  package static let tree = CommandTree(program: "spire-agent", version: Version.upstream, commands: commands)

  static let commands: [String: any Command] = [
    "api fetch": FetchX509(name: "api fetch"),
    "api fetch jwt": FetchJWT(),
    "api fetch x509": FetchX509(),
    "api validate jwt": ValidateJWT(),
    "api watch": Watch(),
    "debug getinfo": DebugGetInfo(),
    "explain": Explain(),
    "healthcheck": HealthCheck(),
    "logger get": LoggerGet(),
    "logger reset": LoggerReset(),
    "logger set": LoggerSet(),
    "run": RunAgent(),
    "validate": ValidateConfiguration(),
  ]
}
