import Daemon
import DatastoreAPI
import Foundation
import GRPCCore
import HTTPTesting
import Mutations
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import Server

private typealias Entry = Spire_Api_Types_Entry
private typealias Agent = Spire_Api_Types_Agent
private typealias EntryFilter = Spire_Api_Server_Entry_V1_ListEntriesRequest.Filter
private typealias AgentFilter = Spire_Api_Server_Agent_V1_ListAgentsRequest.Filter

/// Random combinations of all filters of a list, of page sizes and masks: the answer is what a plain loop over all of it
/// finds, page by page and counted (server-behaviour §11.4). The same combinations in every run.
@Suite struct FilterPropertyTests {
  private static let combinations = 150
  private static let domains = ["one.test", "two.test", "three.test"]

  // MARK: What a plain loop says

  private static func matches<T: Hashable>(_ number: Int, _ own: [T], _ wanted: [T]) -> Bool {
    let (own, wanted) = (Set(own), Set(wanted))
    return switch number {
    case 0: own == wanted
    case 1: !own.isEmpty && own.isSubset(of: wanted)
    case 2: own.isSuperset(of: wanted)
    default: !own.isDisjoint(with: wanted)
    }
  }

  private static func keeps(_ filter: EntryFilter, _ entry: Entry) -> Bool {
    if filter.hasBySpiffeID, filter.bySpiffeID != entry.spiffeID { return false }
    if filter.hasByParentID, filter.byParentID != entry.parentID { return false }
    if filter.hasByHint, filter.byHint.value != entry.hint { return false }
    if filter.hasByDownstream, filter.byDownstream.value, !entry.downstream { return false }
    if filter.hasBySelectors,
      !matches(filter.bySelectors.match.rawValue, entry.selectors, filter.bySelectors.selectors)
    {
      return false
    }
    if filter.hasByFederatesWith,
      !matches(filter.byFederatesWith.match.rawValue, entry.federatesWith, filter.byFederatesWith.trustDomains)
    {
      return false
    }
    return true
  }

  private static func keeps(_ filter: AgentFilter, before: Int64?, _ agent: Agent) -> Bool {
    if !filter.byAttestationType.isEmpty, filter.byAttestationType != agent.attestationType { return false }
    if filter.hasByBanned, filter.byBanned.value != agent.banned { return false }
    if filter.hasByCanReattest, filter.byCanReattest.value != agent.canReattest { return false }
    if let before, agent.x509SvidExpiresAt >= before { return false }
    if filter.hasBySelectorMatch,
      !matches(filter.bySelectorMatch.match.rawValue, agent.selectors, filter.bySelectorMatch.selectors)
    {
      return false
    }
    return true
  }

  // MARK: Random values

  private struct Dice {
    var random: SplitMix64
    init(_ seed: UInt64) { random = SplitMix64(seed: seed) }

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    mutating func flip() -> Bool { Bool.random(using: &random) }
    /// Once in so many times.
    mutating func once(in count: Int) -> Bool { number(1...count) == 1 }
    mutating func some<T>(_ values: [T], _ range: ClosedRange<Int>) -> [T] {
      Array(values.shuffled(using: &random).prefix(number(range)))
    }
    mutating func one<T>(_ values: [T]) -> T { values[number(0...values.count - 1)] }
  }

  private static let selectors: [Spire_Api_Types_Selector] = [("t", "1"), ("t", "2"), ("t", "3"), ("u", "1")].map {
    pair in .with { ($0.type, $0.value) = pair }
  }
  private static let parents = ["/a", "/b"].map { TestServer.id($0).api }
  private static let identities = ["/w1", "/w2", "/w3", "/w4"].map { TestServer.id($0).api }

  private static func entryFilter(_ dice: inout Dice) -> EntryFilter {
    var filter = EntryFilter()
    if dice.once(in: 4) { filter.bySpiffeID = dice.one(identities) }
    if dice.once(in: 3) { filter.byParentID = dice.one(parents) }
    if dice.once(in: 3) { filter.byHint.value = dice.one(["", "h", "x"]) }
    if dice.once(in: 3) { filter.byDownstream.value = dice.flip() }
    if dice.flip() {
      filter.bySelectors.selectors = dice.some(selectors, 1...4)
      filter.bySelectors.match = .init(rawValue: dice.number(0...3)) ?? .matchAny
    }
    if dice.once(in: 3) {
      filter.byFederatesWith.trustDomains = dice.some(domains, 1...3)
      filter.byFederatesWith.match = .init(rawValue: dice.number(0...3)) ?? .matchAny
    }
    return filter
  }

  /// A mask that asks for each field or not, and the names of those it asks for.
  private static func mask<M: Message>(_ all: M, _ dice: inout Dice) throws -> (mask: M, names: Set<String>) {
    let names = try members(all).keys.sorted().filter { _ in dice.flip() }
    let text = "{" + names.map { "\"\($0)\":true" }.joined(separator: ",") + "}"
    return (try M(jsonString: text), Set(names))
  }

  private static func members(_ message: some Message) throws -> [String: NSObject] {
    var options = JSONEncodingOptions()
    options.preserveProtoFieldNames = true
    let data: Data = try message.jsonUTF8Data(options: options)
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: NSObject])
  }

  /// The members of `whole` that a mask with these names leaves.
  private static func masked(_ whole: some Message, _ names: Set<String>, always key: String) throws -> [String:
    NSObject]
  {
    let names = names.contains("bundle_endpoint_profile") ? names.union(["https_web", "https_spiffe"]) : names
    return try members(whole).filter { $0.key == key || names.contains($0.key) }
  }

  /// Checks the list of a filter, its count, and the list page by page, of which a mask leaves some fields.
  private static func check<Item: Message & Equatable>(
    _ wanted: [Item], pageSize: Int, _ names: Set<String>, _ filter: some Message,
    list: () async throws -> [Item], count: () async throws -> Int32,
    page: (_ token: String) async throws -> (items: [Item], next: String)
  ) async throws {
    let listed = try await list()
    #expect(listed == wanted, "\(filter)")
    let counted = try await count()
    #expect(Int(counted) == wanted.count, "\(filter)")
    var (paged, token) = ([Item](), "")
    repeat {
      let (items, next) = try await page(token)
      #expect(items.isEmpty == next.isEmpty && items.count <= pageSize)
      paged += items
      token = next
    } while !token.isEmpty
    let expected = try wanted.map { try masked($0, names, always: "id") }
    #expect(try paged.map { try members($0) } == expected, "\(filter) \(names.sorted())")
  }

  // MARK: Entries

  private static func fill(_ server: TestServer, _ dice: inout Dice) async throws {
    for name in domains {
      _ = try await server.datastore.setBundle(SPIFFE.Bundle(trustDomain: try TrustDomain(name)))
    }
    var request = Spire_Api_Server_Entry_V1_BatchCreateEntryRequest()
    for _ in 0..<60 {
      var entry = Entry()
      entry.spiffeID = dice.one(identities)
      entry.parentID = dice.one(parents)
      entry.selectors = dice.some(selectors, 1...4)
      entry.federatesWith = dice.some(domains, 0...3)
      entry.hint = dice.one(["", "h"])
      (entry.downstream, entry.admin) = (dice.flip(), dice.flip())
      (entry.x509SvidTtl, entry.jwtSvidTtl) = (Int32(dice.number(0...2)), Int32(dice.number(0...2)))
      entry.expiresAt = Int64(dice.number(0...1)) * 4_000_000_000
      entry.dnsNames = dice.some(["a.test", "b.test"], 0...2)
      if dice.flip() { entry.additionalAttributes.jwtSvidIncludeJti = true }
      request.entries.append(entry)
    }
    let message = request
    let results = try await server.local {
      try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: $0).batchCreateEntry(message).results
    }
    // Those that resemble an earlier one are not created.
    #expect(Set(results.map(\.status.code)) == [0, 6])
    #expect(results.count { $0.status.code == 0 } > 30)
  }

  @Test func entries() async throws {
    try await TestServer.with { server in
      var dice = Dice(1)
      try await Self.fill(server, &dice)
      let filters = try (0..<Self.combinations).map { _ in
        (Self.entryFilter(&dice), dice.number(1...7), try Self.mask(Spire_Api_Types_EntryMask.all, &dice))
      }
      try await server.local { client in
        let service = Spire_Api_Server_Entry_V1_Entry.Client(wrapping: client)
        let all = try await service.listEntries(.init()).entries
        var kept = 0
        for (filter, size, mask) in filters {
          let wanted = all.filter { Self.keeps(filter, $0) }
          kept += wanted.count
          let list = Spire_Api_Server_Entry_V1_ListEntriesRequest.with { $0.filter = filter }
          var count = Spire_Api_Server_Entry_V1_CountEntriesRequest()
          count.filter = try .init(serializedBytes: filter.serializedData() as Data)
          try await Self.check(wanted, pageSize: size, mask.names, filter) {
            try await service.listEntries(list).entries
          } count: {
            try await service.countEntries(count).count
          } page: { token in
            var request = list
            request.outputMask = mask.mask
            request.pageSize = Int32(size)
            request.pageToken = token
            let answer = try await service.listEntries(request)
            return (answer.entries, answer.nextPageToken)
          }
        }
        #expect(kept > Self.combinations, "the filters keep something")
      }
    }
  }

  // MARK: Agents

  @Test func agents() async throws {
    try await TestServer.with { server in
      var dice = Dice(2)
      let now = Int64(server.time.now.timeIntervalSince1970)
      for index in 0..<40 {
        let type = dice.one(["k8s_psat", "x509pop"])
        let id = TestServer.id("/spire/agent/\(type)/n\(index)")
        _ = try await server.datastore.recordAttestation(
          of: AttestedNode(
            id: id, attestationType: type, serialNumber: "\(index + 1)",
            expiresAt: now + Int64(dice.number(0...5)) * 3600,
            selectors: try dice.some(Self.selectors, 0...4).map { try Selector($0) }.sorted(),
            canReattest: dice.flip()))
        if dice.once(in: 4) { try await server.ban(id) }
      }
      let filters = try (0..<Self.combinations).map { _ in
        var filter = AgentFilter()
        var before: Int64?
        if dice.once(in: 3) { filter.byAttestationType = dice.one(["k8s_psat", "x509pop", "none"]) }
        if dice.once(in: 3) { filter.byBanned.value = dice.flip() }
        if dice.once(in: 3) { filter.byCanReattest.value = dice.flip() }
        if dice.once(in: 3) {
          // The clock of the tests stands at 2026-11-21 20:10:45 UTC.
          let hours = dice.number(0...3)
          filter.byExpiresBefore = "2026-11-21 \(20 + hours):10:45 +0000 +00"
          before = now + Int64(hours) * 3600
        }
        if dice.flip() {
          filter.bySelectorMatch.selectors = dice.some(Self.selectors, 1...4)
          filter.bySelectorMatch.match = .init(rawValue: dice.number(0...3)) ?? .matchAny
        }
        return (filter, before, dice.number(1...7), try Self.mask(Spire_Api_Types_AgentMask.all, &dice))
      }
      try await server.local { client in
        let service = Spire_Api_Server_Agent_V1_Agent.Client(wrapping: client)
        let all = try await service.listAgents(.init()).agents
        #expect(all.count == 40)
        var kept = 0
        for (filter, before, size, mask) in filters {
          let wanted = all.filter { Self.keeps(filter, before: before, $0) }
          kept += wanted.count
          let list = Spire_Api_Server_Agent_V1_ListAgentsRequest.with { $0.filter = filter }
          var count = Spire_Api_Server_Agent_V1_CountAgentsRequest()
          count.filter = try .init(serializedBytes: filter.serializedData() as Data)
          try await Self.check(wanted, pageSize: size, mask.names, filter) {
            try await service.listAgents(list).agents
          } count: {
            try await service.countAgents(count).count
          } page: { token in
            var request = list
            request.outputMask = mask.mask
            request.pageSize = Int32(size)
            request.pageToken = token
            let answer = try await service.listAgents(request)
            return (answer.agents, answer.nextPageToken)
          }
        }
        #expect(kept > Self.combinations, "the filters keep something")
      }
    }
  }

  // MARK: Bundles and relationships, which have masks only

  @Test func masksOfBundlesAndRelationships() async throws {
    try await TestServer.with { server in
      var dice = Dice(3)
      let partner = try TestPKI("partner.test")
      var request = Spire_Api_Server_Trustdomain_V1_BatchCreateFederationRelationshipRequest()
      for (index, name) in (Self.domains + ["partner.test"]).enumerated() {
        var message = Spire_Api_Types_FederationRelationship()
        message.trustDomain = name
        message.bundleEndpointURL = "https://\(name)/bundle"
        if index.isMultiple(of: 2) {
          message.httpsSpiffe.endpointSpiffeID = "spiffe://\(name)/server"
        } else {
          message.httpsWeb = .init()
        }
        if name == "partner.test" { message.trustDomainBundle = partner.bundle(refreshHint: 60).api(mask: nil) }
        request.federationRelationships.append(message)
      }
      let create = request
      let masks = try (0..<40).map { _ in
        (
          try Self.mask(Spire_Api_Types_FederationRelationshipMask.all, &dice),
          try Self.mask(Spire_Api_Types_BundleMask.all, &dice), dice.number(1...3)
        )
      }
      try await server.local { client in
        let domains = Spire_Api_Server_Trustdomain_V1_TrustDomain.Client(wrapping: client)
        let bundles = Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: client)
        #expect(
          try await domains.batchCreateFederationRelationship(create).results.map(\.status.code) == [0, 0, 0, 0])
        let relationships = try await domains.listFederationRelationships(.init()).federationRelationships
        let federated = try await bundles.listFederatedBundles(.init()).bundles
        let own = try await bundles.getBundle(.init())
        #expect(relationships.count == 4 && federated.count == 1)
        for (mask, bundleMask, size) in masks {
          var list = Spire_Api_Server_Trustdomain_V1_ListFederationRelationshipsRequest()
          (list.outputMask, list.pageSize) = (mask.mask, Int32(size))
          var paged: [Spire_Api_Types_FederationRelationship] = []
          repeat {
            let page = try await domains.listFederationRelationships(list)
            paged += page.federationRelationships
            list.pageToken = page.nextPageToken
          } while !list.pageToken.isEmpty
          let expected = try relationships.map { try Self.masked($0, mask.names, always: "trust_domain") }
          #expect(try paged.map { try Self.members($0) } == expected, "\(mask.names.sorted())")

          var get = Spire_Api_Server_Bundle_V1_GetBundleRequest()
          get.outputMask = bundleMask.mask
          #expect(
            try await Self.members(bundles.getBundle(get))
              == Self.masked(own, bundleMask.names, always: "trust_domain"), "\(bundleMask.names.sorted())")
          var all = Spire_Api_Server_Bundle_V1_ListFederatedBundlesRequest()
          all.outputMask = bundleMask.mask
          let found = try await bundles.listFederatedBundles(all).bundles
          #expect(
            try found.map { try Self.members($0) }
              == federated.map { try Self.masked($0, bundleMask.names, always: "trust_domain") })
        }
      }
    }
  }
}
