import Console
import Flags
import GRPCCore
import RPC
import SPIREProtos
import SwiftProtobuf

typealias ExplainClient = Swiftspire_Server_Explain_V1_Explain.Client<ReconnectingTransport>

/// `explain`: the way from an entry to the agents that serve it, and why an agent does not.
struct Explain: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var spiffeID = ""
    var entryID = ""
  }

  let name = "explain"
  let synopsis = "Explains which agents serve an identity, and why others do not"
  let ownFlags: [Flag<Options>] = [
    .string("spiffeID", \.spiffeID, "SPIFFE ID of workloads, of a node entry, or of an agent"),
    .string("entryID", \.entryID, "ID of the one entry to explain"),
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    guard options.spiffeID.isEmpty != options.entryID.isEmpty else {
      throw CommandFailure(
        options.spiffeID.isEmpty
          ? "what is to be explained? -spiffeID names an identity or an agent, -entryID an entry"
          : "-spiffeID and -entryID can't be combined")
    }
    var request = Swiftspire_Server_Explain_V1_ExplainIdentityRequest()
    if options.entryID.isEmpty {
      request.spiffeID = try .init(options.spiffeID, flag: "spiffeID")
    } else {
      request.entryID = options.entryID
    }
    let message = request
    let response = try await Self.call(server) { try await $0.explainIdentity(message) }
    options.output.print(response, to: io) {
      io.out(ExplainReport(response, subject: options.entryID.isEmpty ? options.spiffeID : options.entryID).text)
    }
    if response.entries.isEmpty && !response.hasAgent { throw CommandFailure.silent() }
  }

  /// Calls the Explain service. Upstream's servers do not have it.
  static func call<Response: Sendable>(
    _ server: UnixAPI, _ body: @Sendable (ExplainClient) async throws -> Response
  ) async throws -> Response {
    do {
      return try await server.call { try await body(ExplainClient(wrapping: $0)) }
    } catch let failure as CallFailure where failure.code == .unimplemented {
      throw CommandFailure(
        "the server at \(server.path) cannot explain: it is another implementation, or an older version. "
          + "Nothing was changed")
    }
  }
}
