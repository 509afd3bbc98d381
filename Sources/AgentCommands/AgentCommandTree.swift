import Daemon
package import Flags

/// The commands of `spire-agent`, one line each.
package enum AgentCommandTree {
  package static let tree = CommandTree(
    program: "spire-agent", version: Version.upstream,
    about: """
      the SPIFFE Runtime Environment's agent. It attests its node to a server, finds out which process calls, and hands \
      out SVIDs. The command `run` starts it; the others talk to a running agent through its sockets.
      """, commands: commands)

  static let commands: [String: any Command] = [
    "api fetch": FetchX509(name: "api fetch"),
    "api fetch jwt": FetchJWT(),
    "api fetch x509": FetchX509(),
    "api validate jwt": ValidateJWT(),
    "api watch": Watch(),
    "debug getinfo": DebugGetInfo(),
    "docs methods": DocsMethods(),
    "explain": Explain(),
    "healthcheck": HealthCheck(),
    "logger get": LoggerGet(),
    "logger reset": LoggerReset(),
    "logger set": LoggerSet(),
    "run": RunAgent(),
    "validate": ValidateConfiguration(),
  ]
}
