import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `agent ban`: shuts an agent out; it cannot attest again until it is evicted.
struct AgentBan: ServerCommand {
  typealias Options = AgentIDOptions
  let name = "agent ban"
  let synopsis = "Bans an attested agent; it cannot attest again"
  let details = """
    The agent's next call is refused, its SVID is worth nothing from then on, and it cannot attest again. To let it in \
    again, evict it.
    """
  let examples = [
    CommandExample(
      "Shut an agent out",
      "agent ban -spiffeID spiffe://example.org/spire/agent/join_token/36403e1f-f58b-4205-aee6-807e22e59864")
  ]
  let ownFlags = AgentIDOptions.flags("ban")

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let id = try options.id()
    let response = try await server.call {
      try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: $0).banAgent(.with { $0.id = id })
    }
    options.output.print(response, to: io) { io.print("Agent banned successfully") }
  }
}
