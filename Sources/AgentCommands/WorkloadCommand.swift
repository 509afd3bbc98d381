import Console
import Flags

/// The options of a command that talks to the agent as a workload does.
protocol WorkloadOptions: CommandOptions {
  var socket: WorkloadSocket { get set }
}

/// A command that talks to the agent over its public socket.
///
/// A command declares the flags of its own; those that find the socket are added here. Errors are printed as they are,
/// without `Error: ` before them.
protocol WorkloadCommand: Command where Options: WorkloadOptions {
  var ownFlags: [Flag<Options>] { get }

  func run(_ options: Options, agent: UnixAPI, io: CommandIO) async throws
}

extension WorkloadCommand {
  var flags: [Flag<Options>] {
    ownFlags + [
      .string("socketPath", \.socket.path, "Path of the agent's public socket").takes(.file),
      .string(
        "instance", \.socket.instance,
        "Name of the agent instance: takes the place of %i in SPIRE_AGENT_PUBLIC_SOCKET_TEMPLATE"),
    ]
  }

  var environment: [EnvironmentVariable] { WorkloadSocket.environment }

  func run(_ options: Options, io: CommandIO) async throws {
    let agent = try options.socket.resolve(io.environment)
    do {
      try await run(options, agent: agent, io: io)
    } catch let failure as CommandFailure {
      throw failure
    } catch {
      throw CommandFailure.plain("\(error)")
    }
  }
}
