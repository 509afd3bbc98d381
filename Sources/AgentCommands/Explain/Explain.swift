import Console
import Flags
import GRPCCore
import RPC
import SPIREProtos
import SwiftProtobuf

/// `explain`: why a process gets its identities or none, or how the agent itself is.
struct Explain: AdminCommand {
  struct Options: AdminOptions, PrintingOptions {
    var socket = AdminSocket()
    var output = OutputChoice()
    var pid: Int32?
  }

  private typealias Client = Swiftspire_Agent_Explain_V1_Explain.Client<ReconnectingTransport>

  let name = "explain"
  let synopsis = "Explains which identities a process gets and why, or how the agent is"
  let ownFlags: [Flag<Options>] = [
    .int("pid", \.pid, "ID of the process to explain; without it the agent explains itself")
  ]

  func run(_ options: Options, agent: UnixAPI, io: CommandIO) async throws {
    guard let pid = options.pid else {
      let response = try await call(agent) { try await $0.explainAgent(.init()) }
      options.output.print(response, to: io) { io.out(ExplainReport.text(response)) }
      return
    }
    guard pid > 0 else { throw CommandFailure("-pid \(pid): a process ID is a number above zero") }
    let response = try await call(agent) { try await $0.explainProcess(.with { $0.pid = pid }) }
    options.output.print(response, to: io) { io.out(ExplainReport.text(response)) }
  }

  private func call<Response: Sendable>(
    _ agent: UnixAPI, _ body: @Sendable (Client) async throws -> Response
  ) async throws -> Response {
    do {
      return try await agent.call { try await body(Client(wrapping: $0)) }
    } catch let failure as CallFailure {
      throw Self.failure(failure, agent.path)
    }
  }

  private static func failure(_ failure: CallFailure, _ path: String) -> CommandFailure {
    switch failure.code {
    case .unimplemented:
      return CommandFailure("the agent at \(path) cannot explain: it is another implementation, or an older version")
    case .unavailable where failure.message.contains("permission denied"):
      return CommandFailure(
        "the agent's admin socket \(path) is not open to this user; ask as root or as the user of the agent")
    case .unavailable:
      return CommandFailure(
        """
        nobody answers on the agent's admin socket \(path).
        If the agent runs, it has none there. Add this line to the agent { } section of its configuration, and start \
        it again:

            admin_socket_path = "\(path)"

        If it has one elsewhere, -socketPath names it.
        """)
    case .notFound, .permissionDenied, .invalidArgument:
      return CommandFailure(failure.message)
    default:
      return CommandFailure(failure.description)
    }
  }
}
