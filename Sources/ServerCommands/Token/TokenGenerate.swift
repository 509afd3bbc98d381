package import Console
import Flags
package import SPIREProtos

/// `token generate`: creates a join token for one agent.
struct TokenGenerate: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var ttl: Int32 = 600
    var spiffeID = ""
  }

  let name = "token generate"
  let synopsis = "Creates a join token, with which one agent can attest once"
  let details = """
    The token can be used once. `-spiffeID` makes an entry with which the agent gets that ID as well: a name that does not \
    change when the agent attests anew, to be the parent of entries.
    """
  let examples = [
    CommandExample(
      "For an agent that is the parent /host",
      "token generate -spiffeID spiffe://example.org/host -ttl 600")
  ]
  let ownFlags: [Flag<Options>] = [
    .int("ttl", \.ttl, "Seconds for which the token can be used"),
    .string("spiffeID", \.spiffeID, "A further SPIFFE ID for the agent that uses the token: the parent for entries")
      .takes(.spiffeID),
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    var request = Spire_Api_Server_Agent_V1_CreateJoinTokenRequest()
    request.ttl = options.ttl
    if !options.spiffeID.isEmpty { request.agentID = try .init(options.spiffeID, flag: "spiffeID") }
    let message = request
    let token = try await server.call {
      try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: $0).createJoinToken(message)
    }
    options.output.print(token, to: io) {
      io.print("Token: \(token.value)")
      if options.spiffeID.isEmpty { io.print("Warning: Missing SPIFFE ID.") }
    }
  }
}

extension Spire_Api_Types_JoinToken: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] { ["value": value, "expires_at": expiresAt] }
}
