import GRPCCore
import RPC
import SPIREProtos
import Testing

@testable import Server

/// A page token that no list made. The datastore calls it an invalid argument (server-behaviour §11.4); the API's methods
/// put their words before it and answer as they do to every failure of the datastore (§6.2, §8): INTERNAL.
@Suite struct PageTokenTests {
  @Test(arguments: ["x", "-1", "1 ", "0x1", "9223372036854775808", "'", "ü"])
  func badTokens(_ token: String) async throws {
    try await TestServer.with { server in
      try await server.local { client in
        var entries = Spire_Api_Server_Entry_V1_ListEntriesRequest()
        (entries.pageSize, entries.pageToken) = (1, token)
        var agents = Spire_Api_Server_Agent_V1_ListAgentsRequest()
        (agents.pageSize, agents.pageToken) = (1, token)
        var bundles = Spire_Api_Server_Bundle_V1_ListFederatedBundlesRequest()
        (bundles.pageSize, bundles.pageToken) = (1, token)
        var relationships = Spire_Api_Server_Trustdomain_V1_ListFederationRelationshipsRequest()
        (relationships.pageSize, relationships.pageToken) = (1, token)
        let found = [
          try await failure { try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: client).listEntries(entries) },
          try await failure { try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: client).listAgents(agents) },
          try await failure {
            try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: client).listFederatedBundles(bundles)
          },
          try await failure {
            try await Spire_Api_Server_Trustdomain_V1_TrustDomain.Client(wrapping: client)
              .listFederationRelationships(relationships)
          },
        ]
        let lists = ["entries", "agents", "bundles", "federation relationships"]
        #expect(
          found == lists.map { Failure(.internalError, "failed to list \($0): could not parse token '\(token)'") })

        // Without a page size there are no pages, and nobody looks at the token.
        (entries.pageSize, agents.pageSize, bundles.pageSize, relationships.pageSize) = (0, 0, 0, 0)
        _ = try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: client).listEntries(entries)
        _ = try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: client).listAgents(agents)
        _ = try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: client).listFederatedBundles(bundles)
        _ = try await Spire_Api_Server_Trustdomain_V1_TrustDomain.Client(wrapping: client)
          .listFederationRelationships(relationships)
      }
    }
  }
}
