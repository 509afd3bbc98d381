import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `agent show`: shows one attested agent and its selectors.
struct AgentShow: ServerCommand {
  typealias Options = AgentIDOptions
  let name = "agent show"
  let synopsis = "Shows an attested agent"
  let examples = [
    CommandExample(
      "An agent and its selectors",
      """
      agent show \\
        -spiffeID spiffe://example.org/spire/agent/join_token/36403e1f-f58b-4205-aee6-807e22e59864
      """)
  ]
  let ownFlags = AgentIDOptions.flags("show")

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let id = try options.id()
    let agent = try await server.call {
      try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: $0).getAgent(.with { $0.id = id })
    }
    let watches = options.output.format == .pretty ? await AgentWatches.fetch(of: [agent.id], server) : [:]
    options.output.print(agent, to: io) {
      io.print("Found an attested agent given its SPIFFE ID\n")
      AgentReport.print(agent, watch: watches[agent.id.text], io: io)
      for selector in agent.selectors { AgentReport.line("Selectors", "\(selector.type):\(selector.value)", io) }
    }
  }
}
