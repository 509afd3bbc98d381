import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `agent count`: counts the attested agents that the flags choose.
struct AgentCount: ServerCommand {
  typealias Options = AgentFilterOptions
  let name = "agent count"
  let synopsis = "Counts attested agents"
  let examples = [
    CommandExample("All agents that can attest again on their own", "agent count -canReattest true")
  ]
  let ownFlags = AgentFilterOptions.flags

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let filter = try options.filter()
    let request = Spire_Api_Server_Agent_V1_CountAgentsRequest.with { request in
      request.filter = .with {
        $0.byAttestationType = filter.byAttestationType
        if filter.hasBySelectorMatch { $0.bySelectorMatch = filter.bySelectorMatch }
        if filter.hasByBanned { $0.byBanned = filter.byBanned }
        if filter.hasByCanReattest { $0.byCanReattest = filter.byCanReattest }
        $0.byExpiresBefore = filter.byExpiresBefore
      }
    }
    let response = try await server.call {
      try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: $0).countAgents(request)
    }
    options.output.print(response, to: io) {
      io.print(count(response.count, "attested agent", "attested agents"))
    }
  }
}
