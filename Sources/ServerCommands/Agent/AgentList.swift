import Console
import Flags
import SPIREProtos

/// `agent list`: lists the attested agents that the flags choose.
struct AgentList: ServerCommand {
  typealias Options = AgentFilterOptions
  let name = "agent list"
  let synopsis = "Lists attested agents"
  let examples = [
    CommandExample("All agents", "agent list"),
    CommandExample("Agents of one kind, for a program", "agent list -attestationType join_token -output json"),
    CommandExample(
      "Agents whose SVIDs expire before a moment",
      "agent list -expiresBefore \"2026-11-21 20:10:45 +0000 +00\""),
  ]
  let ownFlags = AgentFilterOptions.flags

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    var response = Spire_Api_Server_Agent_V1_ListAgentsResponse()
    response.agents = try await AgentListing.agents(options.filter(), server)
    let isForPeople = options.output.format == .pretty && !response.agents.isEmpty
    let watches = isForPeople ? await AgentWatches.fetch(server) : [:]
    options.output.print(response, to: io) {
      if response.agents.isEmpty { return io.print("No attested agents found") }
      io.print("Found \(count(response.agents.count, "attested agent", "attested agents")):\n")
      for agent in response.agents { AgentReport.print(agent, watch: watches[agent.id.text], io: io) }
    }
  }
}
