import Console
import SPIREProtos
import SwiftProtobuf

/// Reads all agents that a filter chooses, page by page.
enum AgentListing {
  private static let pageSize: Int32 = 1000

  static func agents(
    _ filter: Spire_Api_Server_Agent_V1_ListAgentsRequest.Filter, _ server: UnixAPI
  ) async throws -> [Spire_Api_Types_Agent] {
    try await server.call { client in
      var agents: [Spire_Api_Types_Agent] = []
      var token = ""
      repeat {
        let page = try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: client).listAgents(
          .with {
            $0.filter = filter
            $0.pageSize = Self.pageSize
            $0.pageToken = token
          })
        agents += page.agents
        token = page.nextPageToken
      } while !token.isEmpty
      return agents
    }
  }
}
