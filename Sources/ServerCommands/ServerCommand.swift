import Console
import Flags

/// The options of a command that talks to the server.
protocol ServerOptions: CommandOptions {
  var socket: ServerSocket { get set }
}

/// A command that talks to the server over its admin socket.
///
/// A command declares the flags of its own; those that find the socket, and `-output` where the command prints a
/// result, are added here. The socket is looked up before the command runs, and connected when it makes its first call.
protocol ServerCommand: Command where Options: ServerOptions {
  var ownFlags: [Flag<Options>] { get }

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws
}

extension ServerCommand {
  var ownFlags: [Flag<Options>] { [] }

  var flags: [Flag<Options>] { ownFlags + Flag.serverSocket }
  var environment: [EnvironmentVariable] { ServerSocket.environment }

  func run(_ options: Options, io: CommandIO) async throws {
    try await run(options, server: options.socket.resolve(io.environment), io: io)
  }
}

extension ServerCommand where Options: PrintingOptions {
  var flags: [Flag<Options>] { ownFlags + Flag.serverSocket + [.output()] }
}

extension Flag where Options: ServerOptions {
  /// The flags that find the server's admin socket.
  static var serverSocket: [Flag] {
    [
      .string("socketPath", \.socket.path, "Path of the server's admin socket").takes(.file),
      .string(
        "instance", \.socket.instance,
        "Name of the server instance: takes the place of %i in SPIRE_SERVER_PRIVATE_SOCKET_TEMPLATE"),
    ]
  }
}

/// The options of a command that has no flags but those of every server command.
struct PlainServerOptions: ServerOptions, PrintingOptions {
  var socket = ServerSocket()
  var output = OutputChoice()
}
