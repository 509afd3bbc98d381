import DatastoreAPI
import Foundation
import GRPCCore
import Mutations
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import Server

private typealias Entry = Spire_Api_Server_Entry_V1_Entry

private func text(_ count: Int, _ character: Character = "x") -> String {
  String(repeating: character, count: count)
}

/// The limits of each field of an entry, at the limit and one beyond, and what a batch makes of bad items
/// (server-behaviour §6.1).
@Suite struct EntryLimitsTests {
  private static let host = TestServer.id("/host")

  private func create(
    _ server: TestServer, _ entries: [Spire_Api_Types_Entry]
  ) async throws -> [Spire_Api_Server_Entry_V1_BatchCreateEntryResponse.Result] {
    var request = Spire_Api_Server_Entry_V1_BatchCreateEntryRequest()
    request.entries = entries
    let message = request
    return try await server.local { try await Entry.Client(wrapping: $0).batchCreateEntry(message).results }
  }

  private static let invalid = "failed to create entry: datastore-validation: invalid registration entry: "

  /// A change, and the message of its refusal; nil where it is taken.
  private static let rows: [(String?, @Sendable (inout Spire_Api_Types_Entry) -> Void)] = [
    (nil, { $0.hint = text(1024) }),
    (nil, { $0.hint = text(512, "é") }),
    ("failed to convert entry: hint is too long, max length is 1024 characters", { $0.hint = text(513, "é") }),
    (nil, { $0.id = text(255) }),
    (invalid + "entry ID too long", { $0.id = text(256) }),
    (nil, { $0.id = "-._0-9A-Za-z" }),
    (invalid + "entry ID contains invalid characters", { $0.id = "a/b" }),
    (invalid + "entry ID contains invalid characters", { $0.id = "é" }),
    (invalid + "entry ID contains invalid characters", { $0.id = "a b" }),
    (nil, { $0.x509SvidTtl = .max }),
    (invalid + "X509SvidTtl is not set", { $0.x509SvidTtl = -1 }),
    (nil, { $0.jwtSvidTtl = .max }),
    (invalid + "JwtSvidTtl is not set", { $0.jwtSvidTtl = .min }),
    (nil, { $0.expiresAt = .max }),
    (nil, { $0.selectors = (0..<300).map { n in .with { ($0.type, $0.value) = ("t\(n)", "v:\(n):é") } } }),
    (nil, { $0.dnsNames = (0..<300).map { "n\($0).example.org" } }),
    ("failed to convert entry: invalid DNS name: empty or only whitespace", { $0.dnsNames = ["a", ""] }),
    ("failed to convert entry: invalid spiffe ID: path cannot contain empty segments", { $0.spiffeID.path = "//a" }),
    (
      "failed to convert entry: invalid spiffe ID: path segment characters are limited to letters, numbers, dots, "
        + "dashes, and underscores", { $0.spiffeID.path = "/a b" }
    ),
    ("failed to convert entry: invalid spiffe ID: path cannot contain dot segments", { $0.spiffeID.path = "/a/../b" }),
    (
      invalid + "selector types must be the same when store SVID is enabled",
      {
        $0.storeSvid = true
        $0.selectors.append(.with { ($0.type, $0.value) = ("other", "x") })
      }
    ),
    (
      invalid + "specifying cache behaviour is incompatible with storable SVIDs",
      {
        $0.storeSvid = true
        $0.additionalAttributes.disableX509SvidPrefetch = true
      }
    ),
    (
      nil,
      {
        $0.storeSvid = true
        $0.additionalAttributes.jwtSvidIncludeJti = true
      }
    ),
  ]

  @Test func oneBatchWithAllOfThem() async throws {
    try await TestServer.with { server in
      let entries = Self.rows.enumerated().map { index, row in
        var entry = TestServer.entry("/w\(index)", parent: Self.host)
        row.1(&entry)
        return entry
      }
      let results = try await create(server, entries)
      #expect(results.count == Self.rows.count)
      for ((message, _), (entry, result)) in zip(Self.rows, zip(entries, results)) {
        #expect(result.status.message == message ?? "OK")
        #expect(result.status.code == (message == nil ? 0 : 3))
        #expect(result.hasEntry == (message == nil))
        guard message == nil else { continue }
        var expected = entry
        if entry.id.isEmpty { expected.id = result.entry.id }
        expected.createdAt = result.entry.createdAt
        #expect(result.entry == expected)
      }
      #expect(try await server.datastore.countEntries() == Self.rows.count { $0.0 == nil })
    }
  }

  @Test func duplicatesInABatch() async throws {
    try await TestServer.with { server in
      let first = TestServer.entry("/a", parent: Self.host, selectors: [("t", "1"), ("t", "2")])
      let turned = TestServer.entry("/a", parent: Self.host, selectors: [("t", "2"), ("t", "1")])
      let more = TestServer.entry("/a", parent: Self.host, selectors: [("t", "1"), ("t", "2"), ("t", "3")])
      var named = TestServer.entry("/b", parent: Self.host)
      named.id = "mine"
      var again = TestServer.entry("/c", parent: Self.host)
      again.id = "mine"
      let results = try await create(server, [first, turned, more, first, named, again])
      #expect(results.map(\.status.code) == [0, 6, 0, 6, 0, 6])
      #expect(results[1].entry == results[0].entry)
      #expect(results[1].status.message == "similar entry already exists")
      #expect(results[3].entry == results[0].entry)
      #expect(try await server.datastore.countEntries() == 3)
    }
  }

  @Test func anEmptyBatchAndALargeOne() async throws {
    try await TestServer.with { server in
      #expect(try await create(server, []).isEmpty)
      let results = try await create(
        server,
        (0..<1001).map { n in TestServer.entry("/n\(n)", parent: Self.host, selectors: n == 500 ? [] : [("t", "x")]) })
      #expect(results.count == 1001)
      #expect(results.indices.filter { results[$0].status.code != 0 } == [500])
      var delete = Spire_Api_Server_Entry_V1_BatchDeleteEntryRequest()
      delete.ids = results.map(\.entry.id) + [results[0].entry.id]
      let message = delete
      let deleted = try await server.local { try await Entry.Client(wrapping: $0).batchDeleteEntry(message).results }
      #expect(deleted.map(\.status.code).filter { $0 != 0 } == [3, 5])
    }
  }

  @Test func duplicatesInAnUpdateBothCount() async throws {
    try await TestServer.with { server in
      let made = try await server.createEntry("/a", parent: Self.host)
      var request = Spire_Api_Server_Entry_V1_BatchUpdateEntryRequest()
      request.inputMask.hint = true
      request.entries = ["one", "two"].map { hint in
        .with { ($0.id, $0.hint) = (made.id, hint) }
      }
      let message = request
      let results = try await server.local { try await Entry.Client(wrapping: $0).batchUpdateEntry(message).results }
      #expect(results.map(\.entry.revisionNumber) == [1, 2])
      #expect(results.map(\.entry.hint) == ["one", "two"])
    }
  }

  // MARK: Any bytes

  @Test func whatIsTakenKeepsTheRules() throws {
    var seed = TestServer.entry("/web/x", parent: Self.host, selectors: [("unix", "uid:1"), ("k8s", "ns:a")])
    seed.dnsNames = ["*.example.org", "a.b"]
    seed.federatesWith = ["partner.test", "spiffe://second.test"]
    seed.hint = "hint"
    let conversion = EntryConversion(trustDomain: TestServer.domain)
    var taken = 0
    for bytes in Mutations(of: [UInt8](try seed.serializedData()), count: 20_000) {
      guard let message = try? Spire_Api_Types_Entry(serializedBytes: bytes),
        let entry = try? conversion.entry(from: message)
      else { continue }
      taken += 1
      #expect(entry.spiffeID.trustDomain == TestServer.domain && entry.parentID.trustDomain == TestServer.domain)
      #expect(!entry.parentID.path.isEmpty && !entry.spiffeID.path.isEmpty)
      #expect(entry.spiffeID.path != "/spire" && !entry.spiffeID.path.hasPrefix("/spire/"))
      #expect(!entry.selectors.isEmpty)
      #expect(entry.selectors.allSatisfy { !$0.type.isEmpty && !$0.value.isEmpty && !$0.type.utf8.contains(0x3A) })
      #expect(entry.hint.utf8.count <= 1024)
      #expect(entry.federatesWith.allSatisfy { (try? TrustDomain($0.name)) == $0 })
      // It reads back as itself.
      #expect(try conversion.entry(from: entry.api(mask: nil)) == entry)
    }
    #expect(taken > 100)
  }
}
