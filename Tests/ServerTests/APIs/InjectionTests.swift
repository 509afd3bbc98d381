import DaemonTesting
import DatastoreAPI
import Foundation
import GRPCCore
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import Server

private typealias Entry = Spire_Api_Server_Entry_V1_Entry
private typealias Agent = Spire_Api_Server_Agent_V1_Agent

/// Texts of callers that would mean something in a statement or in a pattern of the database, and what an answer says
/// about what is there. Their origins are in docs/security/immunity.md.
@Suite struct InjectionTests {
  private static let statements = [
    "' OR '1'='1", "'; DROP TABLE registered_entries; --", "x' UNION SELECT token FROM join_tokens --", "%", "_", "h%",
    "\\", "\\'", "\"", "`", "?1", "?", "$1", ":a", "@a", "h'--", "/*", "h", "H", "h ", "ḣ", "\u{FF07} OR 1=1",
  ]

  /// Each is found as what it is, and finds nothing else.
  @Test func valuesAreNoStatements() async throws {
    try await TestServer.with { server in
      for (index, text) in Self.statements.enumerated() {
        try await server.createEntry(
          "/i\(index)", parent: TestServer.id("/host"), selectors: [("t", text)]
        ) { $0.hint = text }
      }
      try await server.local { client in
        for (index, text) in Self.statements.enumerated() {
          var byHint = Spire_Api_Server_Entry_V1_ListEntriesRequest()
          byHint.filter.byHint.value = text
          let hinted = try await Entry.Client(wrapping: client).listEntries(byHint).entries
          #expect(hinted.map(\.spiffeID.path) == ["/i\(index)"], "\(text)")
          for match in [
            Spire_Api_Types_SelectorMatch.MatchBehavior.matchExact, .matchAny, .matchSubset, .matchSuperset,
          ] {
            var bySelector = Spire_Api_Server_Entry_V1_ListEntriesRequest()
            bySelector.filter.bySelectors.selectors = [.with { ($0.type, $0.value) = ("t", text) }]
            bySelector.filter.bySelectors.match = match
            let selected = try await Entry.Client(wrapping: client).listEntries(bySelector).entries
            #expect(selected.map(\.spiffeID.path) == ["/i\(index)"], "\(text)")
          }
          var agents = Spire_Api_Server_Agent_V1_ListAgentsRequest()
          agents.filter.byAttestationType = text
          #expect(try await Agent.Client(wrapping: client).listAgents(agents).agents.isEmpty)
          var one = Spire_Api_Server_Entry_V1_GetEntryRequest()
          one.id = text
          let wanted = one
          let missing = try await failure { try await Entry.Client(wrapping: client).getEntry(wanted) }
          #expect(missing.code == .notFound, "\(missing)")
        }
      }
      #expect(try await server.datastore.listEntries().count == Self.statements.count)
    }
  }

  /// Whoever guesses at tokens hears the same about each, and nothing of what is there.
  @Test func tokensAreNotFoundByWhatIsLikeThem() async throws {
    try await TestServer.with { server in
      let token = try await server.joinToken()
      let guesses =
        Self.statements
        + [
          String(token.dropLast()), token.uppercased(), token + " ", token + "\0", token + "%", " " + token,
          String(token.prefix(4)) + "%", "../" + token, token + "/../x",
        ]
      for guess in guesses where guess != token {
        let found = try await failure { try await server.attest(token: guess) }
        #expect(
          found == Failure(.invalidArgument, "failed to attest: join token does not exist or has already been used"),
          "\(guess.debugDescription)")
      }
      #expect(!server.log.text.contains(token))
      // And the token is still good.
      _ = try await server.attest(token: token)
    }
  }
}
