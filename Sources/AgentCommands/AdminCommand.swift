import Console
import Flags

/// The flag that finds the agent's admin socket; the environment has no say here.
struct AdminSocket: Sendable {
  var path = "/tmp/spire-agent/private/admin.sock"
}

/// The options of a command that talks to the agent's admin socket.
protocol AdminOptions: CommandOptions {
  var socket: AdminSocket { get set }
}

/// A command that talks to the agent over its admin socket and prints a result. It declares the flags of its own.
protocol AdminCommand: Command where Options: AdminOptions & PrintingOptions {
  var ownFlags: [Flag<Options>] { get }

  func run(_ options: Options, agent: UnixAPI, io: CommandIO) async throws
}

extension AdminCommand {
  var ownFlags: [Flag<Options>] { [] }

  var flags: [Flag<Options>] {
    ownFlags + [.string("socketPath", \.socket.path, "Path of the agent's admin socket").takes(.file), .output()]
  }

  func run(_ options: Options, io: CommandIO) async throws {
    let agent = UnixAPI(
      path: options.socket.path,
      advice: "is spire-agent running with admin_socket_path? -socketPath names that socket")
    try await run(options, agent: agent, io: io)
  }
}

/// The options of a command that has no flags but those of every admin command.
struct PlainAdminOptions: AdminOptions, PrintingOptions {
  var socket = AdminSocket()
  var output = OutputChoice()
}
