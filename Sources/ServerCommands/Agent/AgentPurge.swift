import Console
import Daemon
import Flags
import FoundationEssentials
import SPIREProtos
import SwiftProtobuf

/// `agent purge`: evicts agents whose SVID expired long ago and that can attest again.
struct AgentPurge: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var expiredFor = Duration.seconds(720 * 3600)
    var dryRun = false
  }

  let name = "agent purge"
  let synopsis = "Evicts agents that can attest again and have been expired for long"
  let details = """
    Only agents that can attest again on their own are considered: others could not come back.
    """
  let examples = [
    CommandExample("See what would go", "agent purge -expiredFor 240h -dryRun"),
    CommandExample("Evict them", "agent purge -expiredFor 240h"),
  ]
  let ownFlags: [Flag<Options>] = [
    .duration("expiredFor", \.expiredFor, "How long an agent's SVID must have been expired"),
    .bool("dryRun", \.dryRun, "Show which agents would go, and leave them"),
  ]
  let time: any TimeSource

  init(time: any TimeSource = SystemTime()) { self.time = time }

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let filter = Spire_Api_Server_Agent_V1_ListAgentsRequest.Filter.with {
      $0.byCanReattest = Google_Protobuf_BoolValue(true)
    }
    let limit = time.now.timeIntervalSince1970 - options.expiredFor.seconds
    let expired = try await AgentListing.agents(filter, server).filter { Double($0.x509SvidExpiresAt) < limit }
    var purged = PurgedAgents()
    for agent in expired {
      purged.agents.append(try await purge(agent.id, server, dryRun: options.dryRun))
    }
    options.output.print(purged, to: io) { Self.print(purged.agents, dryRun: options.dryRun, io) }
  }

  private func purge(
    _ id: Spire_Api_Types_SPIFFEID, _ server: UnixAPI, dryRun: Bool
  ) async throws -> PurgedAgents.Agent {
    if dryRun { return PurgedAgents.Agent(id: id.text) }
    do {
      _ = try await server.call {
        try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: $0).deleteAgent(.with { $0.id = id })
      }
      return PurgedAgents.Agent(id: id.text, isDeleted: true)
    } catch { return PurgedAgents.Agent(id: id.text, error: "\(error)") }
  }

  private static func print(_ agents: [PurgedAgents.Agent], dryRun: Bool, _ io: CommandIO) {
    if agents.isEmpty { return io.print("No agents to purge.") }
    io.print("Found \(count(agents.count, "expired agent", "expired agents"))\n")
    if dryRun {
      io.print("\nAgents that can be purged:")
      for agent in agents { AgentReport.line("SPIFFE ID", agent.id, io) }
      return
    }
    let deleted = agents.filter(\.isDeleted)
    if !deleted.isEmpty {
      io.print("Agents purged:")
      for agent in deleted { AgentReport.line("SPIFFE ID", agent.id, io) }
    }
    let kept = agents.filter { !$0.isDeleted }
    if !kept.isEmpty {
      io.print("Agents not purged:")
      for agent in kept {
        AgentReport.line("SPIFFE ID", agent.id, io)
        AgentReport.line("Error", agent.error, io)
      }
    }
  }
}

/// What became of the agents that `agent purge` found.
struct PurgedAgents: ProtoJSONMessage {
  struct Agent: ProtoJSONMessage {
    var id: String
    var isDeleted = false
    var error = ""

    var members: [String: (any ProtoJSON)?] {
      ["agent_id": id, "deleted": isDeleted, "error": error.isEmpty ? nil : error]
    }
  }

  var agents: [Agent] = []
  var members: [String: (any ProtoJSON)?] { ["expired_agents": agents] }
}
