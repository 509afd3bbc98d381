import Daemon
import DatastoreAPI
import Foundation
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import Server

private typealias Entry = Spire_Api_Server_Entry_V1_Entry
private typealias Agent = Spire_Api_Server_Agent_V1_Agent

/// Every filter of the lists, through the API: what it lets through, and that counting agrees (server-behaviour §11.4).
@Suite struct FilterTests {
  private typealias EntryFilter = Spire_Api_Server_Entry_V1_ListEntriesRequest.Filter
  private typealias AgentFilter = Spire_Api_Server_Agent_V1_ListAgentsRequest.Filter

  private static func selectors(_ texts: [String]) -> [Spire_Api_Types_Selector] {
    texts.map { text in .with { ($0.type, $0.value) = ("t", text) } }
  }

  private static let matches: [(Spire_Api_Types_SelectorMatch.MatchBehavior, [String], String)] = [
    (.matchExact, ["1", "2"], "b"), (.matchExact, ["2", "1"], "b"), (.matchExact, ["1"], "a"), (.matchExact, ["9"], ""),
    (.matchSubset, ["1", "2"], "ab"), (.matchSubset, ["1", "2", "3", "4"], "abcd"), (.matchSubset, ["9"], ""),
    (.matchSuperset, ["1"], "abc"), (.matchSuperset, ["1", "2"], "bc"), (.matchSuperset, ["1", "9"], ""),
    (.matchAny, ["1", "4"], "abcd"), (.matchAny, ["3", "9"], "c"), (.matchAny, ["9"], ""),
    (.matchSuperset, ["1", "1"], "abc"),
  ]

  private static let sets: [(String, [String])] = [
    ("a", ["1"]), ("b", ["1", "2"]), ("c", ["1", "2", "3"]), ("d", ["4"]),
  ]

  // MARK: Entries

  private func check(
    _ client: RPCClient, _ expected: String, _ change: (inout EntryFilter) -> Void,
    line: SourceLocation = #_sourceLocation
  ) async throws {
    let service = Entry.Client(wrapping: client)
    var list = Spire_Api_Server_Entry_V1_ListEntriesRequest()
    list.filter = .init()
    change(&list.filter)
    let whole = try await service.listEntries(list).entries
    #expect(whole.map { String($0.spiffeID.path.dropFirst()) }.sorted().joined() == expected, sourceLocation: line)
    // Pages are full and end with an empty one.
    list.pageSize = 2
    var paged: [Spire_Api_Types_Entry] = []
    repeat {
      let page = try await service.listEntries(list)
      paged += page.entries
      list.pageToken = page.nextPageToken
      #expect(page.entries.isEmpty == page.nextPageToken.isEmpty, sourceLocation: line)
    } while !list.pageToken.isEmpty
    #expect(paged == whole, sourceLocation: line)
    var count = Spire_Api_Server_Entry_V1_CountEntriesRequest()
    count.filter = try .init(serializedBytes: list.filter.serializedData() as Data)
    let counted = try await service.countEntries(count).count
    #expect(Int(counted) == expected.count, sourceLocation: line)
  }

  @Test func entries() async throws {
    try await TestServer.with { server in
      let names = ["one.test", "two.test", "three.test", "four.test"]
      for name in names { _ = try await server.datastore.setBundle(SPIFFE.Bundle(trustDomain: try TrustDomain(name))) }
      let host = TestServer.id("/host")
      for (name, values) in Self.sets {
        try await server.createEntry("/\(name)", parent: host, selectors: values.map { ("t", $0) }) {
          $0.federatesWith = values.map { names[Int($0)! - 1] }
          $0.downstream = name == "b"
          $0.hint = name == "c" ? "h" : ""
        }
      }
      try await server.createEntry("/e", parent: TestServer.id("/other"), selectors: [("x", "y")])
      try await server.local { client in
        for (match, values, expected) in Self.matches {
          try await check(client, expected) {
            $0.bySelectors.selectors = Self.selectors(values)
            $0.bySelectors.match = match
          }
          try await check(client, expected) {
            $0.byFederatesWith.trustDomains = values.map { $0 == "9" ? "nine.test" : "spiffe://" + names[Int($0)! - 1] }
            $0.byFederatesWith.match = .init(rawValue: match.rawValue)!
          }
        }
        try await check(client, "abcde") { _ in }
        try await check(client, "b") { $0.byDownstream.value = true }
        // Only true filters.
        try await check(client, "abcde") { $0.byDownstream.value = false }
        try await check(client, "c") { $0.byHint.value = "h" }
        try await check(client, "abde") { $0.byHint.value = "" }
        try await check(client, "e") { $0.byParentID = TestServer.id("/other").api }
        try await check(client, "a") { $0.bySpiffeID = TestServer.id("/a").api }
        try await check(client, "") {
          $0.bySpiffeID = TestServer.id("/a").api
          $0.byParentID = TestServer.id("/other").api
        }
        try await check(client, "c") {
          $0.byParentID = host.api
          $0.byHint.value = "h"
          $0.bySelectors.selectors = Self.selectors(["1"])
          $0.bySelectors.match = .matchAny
        }
      }
    }
  }

  @Test func filtersThatMakeNoSense() async throws {
    let rows: [(String, @Sendable (inout EntryFilter) -> Void)] = [
      ("malformed selectors filter: missing selector type", { $0.bySelectors.selectors = [.with { $0.value = "v" }] }),
      (
        "malformed selectors filter: selector type contains ':'",
        { $0.bySelectors.selectors = [.with { ($0.type, $0.value) = ("a:b", "v") }] }
      ),
      (
        "malformed selectors filter: ",
        {
          $0.bySelectors.selectors = [.with { ($0.type, $0.value) = ("a", "v") }]
          $0.bySelectors.match = .UNRECOGNIZED(9)
        }
      ),
      ("malformed federates with filter: ", { $0.byFederatesWith.trustDomains = ["No"] }),
      ("malformed parent ID filter: ", { $0.byParentID = .init() }),
      ("malformed SPIFFE ID filter: ", { $0.bySpiffeID = TestServer.id("/spire/x").api }),
    ]
    try await TestServer.with { server in
      try await server.local { client in
        for (text, change) in rows {
          var list = Spire_Api_Server_Entry_V1_ListEntriesRequest()
          list.filter = .init()
          change(&list.filter)
          let message = list
          let found = try await failure { try await Entry.Client(wrapping: client).listEntries(message) }
          #expect(found.code == .invalidArgument && found.message.hasPrefix(text), "\(found)")
        }
      }
    }
  }

  // MARK: Agents

  @Test func agents() async throws {
    try await TestServer.with { server in
      let now = Int64(server.time.now.timeIntervalSince1970)
      for (index, (name, values)) in Self.sets.enumerated() {
        let id = TestServer.id("/spire/agent/\(name == "d" ? "x509pop" : "k8s_psat")/\(name)")
        _ = try await server.datastore.recordAttestation(
          of: AttestedNode(
            id: id, attestationType: name == "d" ? "x509pop" : "k8s_psat", serialNumber: "1\(index)",
            expiresAt: now + Int64(index) * 3600, selectors: values.map { Selector(type: "t", value: $0) },
            canReattest: name != "a"))
      }
      try await server.ban(TestServer.id("/spire/agent/k8s_psat/b"))
      try await server.local { client in
        let service = Agent.Client(wrapping: client)
        func check(
          _ expected: String, line: SourceLocation = #_sourceLocation, _ change: (inout AgentFilter) -> Void
        ) async throws {
          var list = Spire_Api_Server_Agent_V1_ListAgentsRequest()
          list.filter = .init()
          change(&list.filter)
          let found = try await service.listAgents(list).agents
          #expect(found.map { String($0.id.path.suffix(1)) }.sorted().joined() == expected, sourceLocation: line)
          var count = Spire_Api_Server_Agent_V1_CountAgentsRequest()
          count.filter = try .init(serializedBytes: list.filter.serializedData() as Data)
          #expect(Int(try await service.countAgents(count).count) == expected.count, sourceLocation: line)
        }
        for (match, values, expected) in Self.matches {
          try await check(expected) {
            $0.bySelectorMatch.selectors = Self.selectors(values)
            $0.bySelectorMatch.match = match
          }
        }
        try await check("abcd") { _ in }
        try await check("d") { $0.byAttestationType = "x509pop" }
        try await check("") { $0.byAttestationType = "none" }
        try await check("b") { $0.byBanned.value = true }
        try await check("acd") { $0.byBanned.value = false }
        try await check("bcd") { $0.byCanReattest.value = true }
        try await check("a") { $0.byCanReattest.value = false }
        try await check("c") {
          $0.byCanReattest.value = true
          $0.byBanned.value = false
          $0.byAttestationType = "k8s_psat"
        }
        // The clock of the tests stands at 2026-11-21 20:10:45 UTC.
        try await check("ab") { $0.byExpiresBefore = "2026-11-21 22:10:45 +0000 +00" }
        try await check("ab") { $0.byExpiresBefore = "2026-11-21 23:10:45 +0100 +01" }
        try await check("") { $0.byExpiresBefore = "2026-11-21 20:10:45 +0000 +00" }
      }
    }
  }
}
