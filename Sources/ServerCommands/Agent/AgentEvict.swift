import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `agent evict`: forgets an agent, which has to attest again.
struct AgentEvict: ServerCommand {
  typealias Options = AgentIDOptions
  let name = "agent evict"
  let synopsis = "Removes an attested agent; it can attest again"
  let details = """
    The agent's record is deleted. An agent that still runs attests again if its attestor allows it, and ends otherwise.
    """
  let examples = [
    CommandExample(
      "Forget an agent",
      """
      agent evict \\
        -spiffeID spiffe://example.org/spire/agent/join_token/36403e1f-f58b-4205-aee6-807e22e59864
      """)
  ]
  let ownFlags = AgentIDOptions.flags("evict")

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let id = try options.id()
    let response = try await server.call {
      try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: $0).deleteAgent(.with { $0.id = id })
    }
    options.output.print(response, to: io) { io.print("Agent evicted successfully") }
  }
}
