import Daemon
import DaemonTesting
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

/// The Entry service (server-behaviour §6).
@Suite struct EntryAPITests {
  private static let host = TestServer.id("/host")

  @Test func createAnswersWithTheStoredEntry() async throws {
    try await TestServer.with { server in
      let entry = try await server.createEntry("/web", parent: Self.host) { entry in
        entry.dnsNames = ["web.example.org"]
        entry.hint = "h"
        entry.x509SvidTtl = 600
        entry.additionalAttributes.jwtSvidIncludeJti = true
      }
      #expect(!entry.id.isEmpty)
      #expect(entry.createdAt == Int64(server.time.now.timeIntervalSince1970))
      #expect(entry.dnsNames == ["web.example.org"])
      #expect(entry.additionalAttributes.jwtSvidIncludeJti)
      let stored = try #require(try await server.datastore.fetchEntry(id: entry.id))
      #expect(stored.api(mask: nil) == entry)
    }
  }

  @Test func eachItemHasItsOwnStatus() async throws {
    try await TestServer.with { server in
      var good = TestServer.entry("/web", parent: Self.host)
      good.id = "mine"
      let foreign = TestServer.entry("/x", parent: Self.host)
      var request = Spire_Api_Server_Entry_V1_BatchCreateEntryRequest()
      request.entries = [good, good, foreign, TestServer.entry("/y", parent: Self.host, selectors: [])]
      request.entries[2].spiffeID.trustDomain = "other.org"
      request.outputMask = .init()
      let message = request
      let results = try await server.local {
        try await Entry.Client(wrapping: $0).batchCreateEntry(message).results
      }
      #expect(results.map(\.status.code) == [0, 6, 3, 3])
      #expect(results[0].status.message == "OK")
      #expect(results[1].status.message == "similar entry already exists")
      #expect(results[1].entry.id == "mine")
      #expect(!results[1].entry.hasSpiffeID)
      #expect(
        results[2].status.message
          == "failed to convert entry: invalid spiffe ID: \"spiffe://other.org/x\" is not a member of trust domain "
          + "\"example.org\"")
      #expect(results[3].status.message == "failed to convert entry: selector list is empty")
      let line = try #require(server.log.first("Invalid argument: failed to convert entry"))
      #expect(
        line.fields["error"]
          == "invalid spiffe ID: \"spiffe://other.org/x\" is not a member of trust domain \"example.org\"")
      #expect(line.fields["service"] == "entry.v1.Entry")
    }
  }

  /// Each field's rule, and its text after `failed to convert entry: `.
  private static let rules: [(String, @Sendable (inout Spire_Api_Types_Entry) -> Void)] = [
    ("invalid parent ID: request must specify SPIFFE ID", { $0.clearParentID() }),
    (
      "invalid parent ID: \"spiffe://example.org\" is not a member of trust domain \"example.org\"; path is empty",
      { $0.parentID.path = "" }
    ),
    ("invalid parent ID: path cannot have a trailing slash", { $0.parentID.path = "/a/" }),
    ("invalid spiffe ID: request must specify SPIFFE ID", { $0.clearSpiffeID() }),
    (
      "invalid spiffe ID: \"spiffe://example.org\" is not a workload in trust domain \"example.org\"; path is empty",
      { $0.spiffeID.path = "" }
    ),
    (
      "invalid spiffe ID: \"spiffe://example.org/spire/x\" is not a workload in trust domain \"example.org\"; "
        + "path is in the reserved namespace", { $0.spiffeID.path = "/spire/x" }
    ),
    ("invalid DNS name: name must be ascii", { $0.dnsNames = ["ü"] }),
    ("invalid DNS name: idna error", { $0.dnsNames = ["a_b"] }),
    ("missing selector type", { $0.selectors[0].type = "" }),
    ("selector type contains ':'", { $0.selectors[0].type = "a:b" }),
    ("missing selector value", { $0.selectors[0].value = "" }),
    (
      "hint is too long, max length is 1024 characters", { $0.hint = String(repeating: "h", count: 1025) }
    ),
    (
      "invalid federated trust domain: trust domain characters are limited to lowercase letters, numbers, dots, "
        + "dashes, and underscores", { $0.federatesWith = ["A"] }
    ),
  ]

  @Test func fieldRules() async throws {
    try await TestServer.with { server in
      var request = Spire_Api_Server_Entry_V1_BatchCreateEntryRequest()
      for (_, change) in Self.rules {
        var entry = TestServer.entry("/web", parent: Self.host)
        change(&entry)
        request.entries.append(entry)
      }
      let message = request
      let results = try await server.local {
        try await Entry.Client(wrapping: $0).batchCreateEntry(message).results
      }
      for ((text, _), result) in zip(Self.rules, results) {
        #expect(result.status.code == 3)
        #expect(result.status.message == "failed to convert entry: " + text)
      }
    }
  }

  @Test func theDatastoreHasRulesToo() async throws {
    try await TestServer.with { server in
      var request = Spire_Api_Server_Entry_V1_BatchCreateEntryRequest()
      request.entries = [TestServer.entry("/web", parent: Self.host), TestServer.entry("/x", parent: Self.host)]
      request.entries[0].x509SvidTtl = -1
      request.entries[1].federatesWith = ["partner.test"]
      let message = request
      let results = try await server.local {
        try await Entry.Client(wrapping: $0).batchCreateEntry(message).results
      }
      #expect(results[0].status.code == 3)
      #expect(
        results[0].status.message
          == "failed to create entry: datastore-validation: invalid registration entry: X509SvidTtl is not set")
      #expect(
        results[1].status.message.contains("unable to find federated bundle \"spiffe://partner.test\""),
        "\(results[1].status)")
    }
  }

  @Test func updateChangesWhatTheMaskCovers() async throws {
    try await TestServer.with { server in
      let created = try await server.createEntry("/web", parent: Self.host) { $0.hint = "old" }
      var request = Spire_Api_Server_Entry_V1_BatchUpdateEntryRequest()
      var change = Spire_Api_Types_Entry()
      change.id = created.id
      change.hint = "new"
      var missing = change
      missing.id = "nope"
      request.entries = [change, missing]
      request.inputMask.hint = true
      let message = request
      let results = try await server.local {
        try await Entry.Client(wrapping: $0).batchUpdateEntry(message).results
      }
      #expect(results[0].status.code == 0)
      #expect(results[0].entry.hint == "new")
      #expect(results[0].entry.spiffeID == created.spiffeID)
      #expect(results[0].entry.revisionNumber == 1)
      #expect(results[1].status.code == 5)
      #expect(results[1].status.message == "failed to update entry")
    }
  }

  @Test func deleteAndGet() async throws {
    try await TestServer.with { server in
      let created = try await server.createEntry("/web", parent: Self.host)
      try await server.local { client in
        let service = Entry.Client(wrapping: client)
        var get = Spire_Api_Server_Entry_V1_GetEntryRequest()
        #expect(try await failure { try await service.getEntry(get) } == Failure(.invalidArgument, "missing ID"))
        get.id = created.id
        #expect(try await service.getEntry(get) == created)
        get.outputMask.hint = true
        #expect(try await service.getEntry(get).selectors.isEmpty)
        var delete = Spire_Api_Server_Entry_V1_BatchDeleteEntryRequest()
        delete.ids = [created.id, "", "00000000-0000-4000-8000-000000000000"]
        let results = try await service.batchDeleteEntry(delete).results
        #expect(results.map(\.id) == delete.ids)
        #expect(results.map(\.status.code) == [0, 3, 5])
        #expect(results.map(\.status.message) == ["OK", "missing entry ID", "entry not found"])
        #expect(try await failure { try await service.getEntry(get) } == Failure(.notFound, "entry not found"))
      }
      let line = try #require(server.log.first("Entry not found"))
      #expect(line.fields["entry_id"] == "00000000-0000-4000-8000-000000000000")
      #expect(line.fields["error"] == nil)
    }
  }

  @Test func listFiltersAndPages() async throws {
    try await TestServer.with { server in
      for n in 0..<5 { try await server.createEntry("/w\(n)", parent: Self.host) { $0.hint = n < 2 ? "a" : "" } }
      try await server.local { client in
        let service = Entry.Client(wrapping: client)
        var list = Spire_Api_Server_Entry_V1_ListEntriesRequest()
        list.pageSize = 2
        var seen: [String] = []
        for _ in 0..<9 {
          let page = try await service.listEntries(list)
          seen += page.entries.map(\.spiffeID.path)
          if page.nextPageToken.isEmpty { break }
          list.pageToken = page.nextPageToken
        }
        #expect(seen == ["/w0", "/w1", "/w2", "/w3", "/w4"])
        list = .init()
        #expect(try await service.listEntries(list).entries.count == 5)
        list.filter.byHint.value = "a"
        #expect(try await service.listEntries(list).entries.count == 2)
        var count = Spire_Api_Server_Entry_V1_CountEntriesRequest()
        count.filter.bySpiffeID = TestServer.id("/w3").api
        #expect(try await service.countEntries(count).count == 1)

        func refused(_ change: (inout Spire_Api_Server_Entry_V1_ListEntriesRequest.Filter) -> Void) async throws
          -> Failure
        {
          var request = Spire_Api_Server_Entry_V1_ListEntriesRequest()
          request.filter = .init()
          change(&request.filter)
          let message = request
          return try await failure { try await service.listEntries(message) }
        }
        #expect(
          try await refused { $0.bySelectors = .init() }
            == Failure(.invalidArgument, "malformed selectors filter: empty selector set"))
        #expect(
          try await refused { $0.byFederatesWith = .init() }
            == Failure(.invalidArgument, "malformed federates with filter: empty trust domain set"))
        #expect(
          try await refused { $0.byParentID = SPIFFEID.server(of: try! TrustDomain("x.org")).api }.message
            .hasPrefix("malformed parent ID filter: "))
        #expect(
          try await refused { $0.bySpiffeID.trustDomain = "" }.message.hasPrefix("malformed SPIFFE ID filter: "))
      }
    }
  }

  // MARK: What agents see

  @Test func anAgentSeesAnEntryAtOnce() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      try await server.remote(agent) { client in
        let service = Entry.Client(wrapping: client)
        #expect(try await service.getAuthorizedEntries(.init()).entries.isEmpty)
        let entry = try await server.createEntry("/web", parent: agent.id)
        // No time has passed.
        #expect(try await service.getAuthorizedEntries(.init()).entries == [entry])
        var update = Spire_Api_Server_Entry_V1_BatchUpdateEntryRequest()
        update.entries = [entry]
        update.entries[0].hint = "x"
        let message = update
        _ = try await server.local { try await Entry.Client(wrapping: $0).batchUpdateEntry(message) }
        #expect(try await sync(service, mask: nil).flatMap(\.entries).map(\.hint) == ["x"])
        var delete = Spire_Api_Server_Entry_V1_BatchDeleteEntryRequest()
        delete.ids = [entry.id]
        let gone = delete
        _ = try await server.local { try await Entry.Client(wrapping: $0).batchDeleteEntry(gone) }
        #expect(try await sync(service, mask: nil).flatMap(\.entries).isEmpty)
      }
    }
  }

  @Test func syncChecksTheFirstRequest() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      try await server.remote(agent) { client in
        let service = Entry.Client(wrapping: client)
        #expect(
          try await failure { try await sync(service, mask: nil, ids: ["a"]) }
            == Failure(.invalidArgument, "specifying IDs on initial request is not supported"))
        var mask = Spire_Api_Types_EntryMask()
        mask.hint = true
        let partial = mask
        #expect(
          try await failure { try await sync(service, mask: partial) }
            == Failure(.invalidArgument, "revision number cannot be masked"))
        mask.revisionNumber = true
        let whole = mask
        let pages = try await sync(service, mask: whole)
        #expect(pages.count == 1)
      }
    }
  }

  @Test func moreThan500EntriesArePaged() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let entries = (0..<1201).map { n in
        RegistrationEntry(
          spiffeID: TestServer.id("/w\(n)"), parentID: agent.id, selectors: [Selector(type: "u", value: "\(n)")])
      }
      _ = try await server.datastore.createEntries(entries)
      try await server.remote(agent) { client in
        let (requests, feed) = AsyncStream.makeStream(of: Entry.Method.SyncAuthorizedEntries.Input.self)
        feed.yield(.init())
        let pages = try await Entry.Client(wrapping: client).syncAuthorizedEntries { writer in
          for await request in requests { try await writer.write(request) }
        } onResponse: { response -> (revisions: [Int], entries: [Int], unknown: Int) in
          var revisions: [Spire_Api_Server_Entry_V1_SyncAuthorizedEntriesResponse] = []
          var pages: [Spire_Api_Server_Entry_V1_SyncAuthorizedEntriesResponse] = []
          var unknown = -1
          var messages = response.messages.makeAsyncIterator()
          while let page = try await messages.next() {
            #expect(page.entries.isEmpty)
            revisions.append(page)
            if !page.more { break }
          }
          let ids = revisions.flatMap(\.entryRevisions).map(\.id)
          #expect(Set(ids).count == 1201)
          var wanted = Entry.Method.SyncAuthorizedEntries.Input()
          wanted.ids = Array(ids.prefix(1000)) + ["unknown"]
          feed.yield(wanted)
          while let page = try await messages.next() {
            pages.append(page)
            if !page.more { break }
          }
          wanted.ids = ["unknown"]
          feed.yield(wanted)
          if let page = try await messages.next() {
            #expect(!page.more)
            unknown = page.entries.count
          }
          feed.finish()
          #expect(try await messages.next() == nil)
          return (revisions.map(\.entryRevisions.count), pages.map(\.entries.count), unknown)
        }
        #expect(pages.revisions == [500, 500, 201])
        #expect(pages.entries == [500, 500])
        #expect(pages.unknown == 0)
      }
    }
  }

  @Test func auditRecordsAreOnePerItem() async throws {
    var options = TestServer.Options()
    options.auditing = true
    try await TestServer.with(options) { server in
      try await server.createEntry("/web", parent: Self.host)
      let record = try #require(server.log.first("API accessed"))
      #expect(record.fields["type"] == "audit")
      #expect(record.fields["status"] == "success")
      #expect(record.fields["method"] == "BatchCreateEntry")
      #expect(record.fields["spiffe_id"] == "spiffe://example.org/web")
      #expect(record.fields["parent_id"] == "spiffe://example.org/host")
      #expect(record.fields["selectors"] == "unix:uid:1")
      #expect(record.fields["caller_uid"] != nil)
      #expect(record.fields["authorized_as"] == "local")
      #expect(server.log.all("API accessed").count == 1)
    }
  }

  private func sync(
    _ service: Entry.Client<ReconnectingTransport>, mask: Spire_Api_Types_EntryMask?, ids: [String] = []
  ) async throws -> [Spire_Api_Server_Entry_V1_SyncAuthorizedEntriesResponse] {
    var request = Spire_Api_Server_Entry_V1_SyncAuthorizedEntriesRequest()
    if let mask { request.outputMask = mask }
    request.ids = ids
    let message = request
    return try await service.syncAuthorizedEntries { writer in
      try await writer.write(message)
    } onResponse: { response in
      var pages: [Spire_Api_Server_Entry_V1_SyncAuthorizedEntriesResponse] = []
      for try await page in response.messages { pages.append(page) }
      return pages
    }
  }
}
