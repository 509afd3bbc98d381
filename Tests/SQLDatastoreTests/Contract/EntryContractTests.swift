import Daemon
import DatastoreAPI
import Foundation
import SPIFFE
import Testing

@testable import SQLDatastore

@Suite struct EntryContractTests {
  @Test(arguments: TestEngine.all) func createsAndFetches(_ engine: TestEngine) async throws {
    let time = TestTime()
    try await engine.run(time: time) { datastore in
      let partner = try TrustDomain("partner.test")
      _ = try await datastore.setBundle(Bundle(trustDomain: partner))
      var wanted = try entry("/web", "unix:uid:1", "unix:gid:2")
      wanted.x509SVIDTTL = 600
      wanted.jwtSVIDTTL = 120
      wanted.federatesWith = [partner]
      wanted.admin = true
      wanted.downstream = true
      wanted.expiresAt = 2_110_651_845
      wanted.dnsNames = ["web.example.org", "www.example.org"]
      wanted.storeSVID = true
      wanted.hint = "internal"
      wanted.additionalAttributes = AdditionalAttributes(jwtSVIDIncludeJTI: true)
      wanted.revisionNumber = 7
      let created = try await datastore.createEntry(wanted)
      #expect(!created.existing)
      #expect(created.entry.id.utf8.count == 36)
      #expect(created.entry.id == created.entry.id.lowercased())
      wanted.id = created.entry.id
      wanted.revisionNumber = 0
      wanted.createdAt = Int64(time.now.timeIntervalSince1970)
      #expect(created.entry == wanted)
      let fetched = try await datastore.fetchEntry(id: wanted.id)
      #expect(fetched == wanted)
      let missing = try await datastore.fetchEntry(id: "no")
      #expect(missing == nil)
    }
  }

  @Test(arguments: TestEngine.all) func rehearsalsLeaveNothing(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let subscription = datastore.changes.subscribe()
      let stored = try await datastore.createEntry(entry("/web", "unix:uid:1")).entry
      let events = try await datastore.listEntryEvents(after: 0)
      _ = subscription.pending()
      let creations = try await datastore.rehearseCreation(of: [
        entry("/web", "unix:uid:1"), entry("/new", "unix:uid:1"), entry("/new", "unix:uid:1"),
      ])
      #expect(try creations.map { try $0.get().existing } == [true, false, true])
      var changed = stored
      changed.hint = "h"
      var missing = stored
      missing.id = "missing"
      let updates = try await datastore.rehearseUpdates([EntryUpdate(changed), EntryUpdate(missing)])
      #expect(try updates[0].get().revisionNumber == 1)
      #expect(throws: DatastoreError(.notFound, "")) { try updates[1].get() }
      #expect(try await datastore.listEntries() == [stored])
      #expect(try await datastore.listEntryEvents(after: 0) == events)
      #expect(subscription.pending() == nil)
      // And what comes next is not disturbed.
      _ = try await datastore.createEntry(entry("/new", "unix:uid:1"))
      // (An engine may leave out the IDs that the rehearsal used.)
      #expect(try await datastore.listEntryEvents(after: events[0].id).count == 1)
    }
  }

  @Test(arguments: TestEngine.all) func findsSimilarEntries(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let first = try await datastore.createEntry(entry("/web", "unix:uid:1", "unix:gid:2")).entry
      let results = try await datastore.createEntries([
        entry("/web", "unix:gid:2", "unix:uid:1"),
        entry("/web", "unix:uid:1"),
        entry("/web", parent: "/other", "unix:uid:1", "unix:gid:2"),
        entry("/web2", "unix:uid:1", "unix:gid:2"),
      ])
      #expect(try results[0].get() == CreatedEntry(entry: first, existing: true))
      #expect(try results.dropFirst().allSatisfy { try !$0.get().existing })
      let count = try await datastore.countEntries()
      #expect(count == 4)
    }
  }

  @Test(arguments: TestEngine.all) func itemsOfABatchStandAlone(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      var federated = try entry("/federated", "unix:uid:1")
      federated.federatesWith = [try TrustDomain("nowhere.test")]
      var negative = try entry("/negative", "unix:uid:1")
      negative.jwtSVIDTTL = -1
      let results = try await datastore.createEntries([
        entry("/one", "unix:uid:1", id: "custom"), entry("/two", "unix:uid:1", id: "custom"), federated, negative,
        entry("/twice", "unix:uid:1", "unix:uid:1"), entry("/last", "unix:uid:1"),
      ])
      #expect(try results[0].get().entry.id == "custom")
      #expect(results[1].error?.code == .alreadyExists)
      #expect(results[2].error?.code == .internal)
      #expect(results[2].error?.message == "unable to find federated bundle \"spiffe://nowhere.test\"")
      #expect(results[3].error?.code == .invalidArgument)
      #expect(
        results[3].error?.message
          == "datastore-validation: invalid registration entry: JwtSvidTtl is not set")
      #expect(results[4].error?.code == .alreadyExists)
      #expect(results[4].error?.message == #"datastore-sql: selector "unix:uid:1" is given twice; leave one out"#)
      #expect(results[5].error == nil)
      let paths = try await datastore.listEntries().map(\.spiffeID.path)
      #expect(paths == ["/one", "/last"])
      let events = try await datastore.listEntryEvents(after: 0)
      #expect(events.map(\.entryID) == ["custom", try results[5].get().entry.id])
    }
  }

  @Test(arguments: TestEngine.all) func validates(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let prefix = "datastore-validation: invalid registration entry: "
      var stored = try entry("/s", "unix:uid:1", "docker:label:x")
      stored.storeSVID = true
      var negative = try entry("/n", "unix:uid:1")
      negative.x509SVIDTTL = -1
      let results = try await datastore.createEntries([
        entry("/a"), stored, negative, entry("/b", "unix:uid:1", id: "a/b"),
        entry("/c", "unix:uid:1", id: String(repeating: "a", count: 256)),
      ])
      #expect(
        results.map { $0.error?.message } == [
          prefix + "missing selector list",
          prefix + "selector types must be the same when store SVID is enabled",
          prefix + "X509SvidTtl is not set", prefix + "entry ID contains invalid characters",
          prefix + "entry ID too long",
        ])
    }
  }

  @Test(arguments: TestEngine.all) func updatesByMask(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let partner = try TrustDomain("partner.test")
      _ = try await datastore.setBundle(Bundle(trustDomain: partner))
      var original = try entry("/web", "unix:uid:1")
      original.hint = "old"
      original.dnsNames = ["a.test"]
      original.additionalAttributes = AdditionalAttributes(disableX509SVIDPrefetch: true)
      original = try await datastore.createEntry(original).entry
      var change = try entry("/changed", parent: "/p", "unix:uid:2", "unix:uid:3", id: original.id)
      change.hint = "new"
      change.dnsNames = ["b.test", "c.test"]
      change.federatesWith = [partner, partner]
      change.x509SVIDTTL = 5

      let hinted = try await datastore.updateEntry(change, mask: [.hint])
      var expected = original
      expected.hint = "new"
      expected.revisionNumber = 1
      #expect(hinted == expected)

      let nothing = try await datastore.updateEntry(change, mask: [])
      expected.revisionNumber = 2
      #expect(nothing == expected)

      let all = try await datastore.updateEntry(change)
      expected = change
      expected.federatesWith = [partner]
      expected.revisionNumber = 3
      expected.createdAt = original.createdAt
      #expect(all == expected)
      let fetched = try await datastore.fetchEntry(id: original.id)
      #expect(fetched == expected)
      let events = try await datastore.listEntryEvents(after: 1)
      #expect(events.map(\.entryID) == [original.id, original.id, original.id])

      let missing = await failure { _ = try await datastore.updateEntry(entry("/x", "unix:uid:1", id: "none")) }
      #expect(missing?.code == .notFound)
      #expect(missing?.message == "datastore-sql: record not found")
      let empty = await failure { _ = try await datastore.updateEntry(entry("/x", id: original.id)) }
      #expect(empty?.code == .invalidArgument)
    }
  }

  @Test(arguments: TestEngine.all) func anUpdateNamesWhatIsGivenTwice(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      _ = try await datastore.createEntries([entry("/one", "unix:uid:1", id: "one")])
      var changed = try entry("/one", "unix:uid:2", "unix:gid:2", "unix:uid:2", id: "one")
      changed.dnsNames = ["one.test", "one.test"]
      let results = try await datastore.updateEntries([
        EntryUpdate(changed, mask: .selectors), EntryUpdate(changed, mask: .dnsNames),
      ])
      #expect(results.map { $0.error?.code } == [.alreadyExists, .alreadyExists])
      #expect(
        results.map { $0.error?.message } == [
          #"datastore-sql: selector "unix:uid:2" is given twice; leave one out"#,
          #"datastore-sql: DNS name "one.test" is given twice; leave one out"#,
        ])
      #expect(try await datastore.listEntries().map { $0.selectors.map(\.description) } == [["unix:uid:1"]])
    }
  }

  @Test(arguments: TestEngine.all) func sameTypeRuleOnUpdateNeedsSelectorsInMask(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      var mixed = try await datastore.createEntry(entry("/s", "unix:uid:1", "docker:label:x")).entry
      mixed.storeSVID = true
      let stored = try await datastore.updateEntry(mixed, mask: [.storeSVID])
      #expect(stored.storeSVID)
      let refused = await failure { _ = try await datastore.updateEntry(mixed, mask: [.storeSVID, .selectors]) }
      #expect(refused?.code == .invalidArgument)
      let revision = try await datastore.fetchEntry(id: mixed.id)?.revisionNumber
      #expect(revision == 1)
    }
  }

  @Test(arguments: TestEngine.all) func deletesAndPrunes(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      var expiring = try entry("/expiring", "unix:uid:1")
      expiring.expiresAt = 100
      let created = try await datastore.createEntries([expiring, entry("/b", "unix:uid:1"), entry("/c", "unix:uid:1")])
        .map { try $0.get().entry }
      let early = try await datastore.pruneEntries(expiredBefore: 100, limit: 10)
      #expect(early.isEmpty)
      let pruned = try await datastore.pruneEntries(expiredBefore: 101, limit: 10)
      #expect(pruned == [created[0]])
      let results = try await datastore.deleteEntries(ids: [created[1].id, "none"])
      #expect(try results[0].get() == created[1])
      #expect(results[1].error?.code == .notFound)
      let rest = try await datastore.listEntries()
      #expect(rest == [created[2]])
      let events = try await datastore.listEntryEvents(after: 3)
      #expect(events.map(\.entryID) == [created[0].id, created[1].id])
    }
  }

  @Test(arguments: TestEngine.all) func filtersBySelectors(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      _ = try await datastore.createEntries([
        entry("/1", "a:1"), entry("/12", "a:1", "a:2"), entry("/123", "a:1", "a:2", "a:3"), entry("/3", "a:3"),
      ])
      func paths(_ match: SetMatch, _ selectors: String...) async throws -> [String] {
        let filter = EntryFilter(selectors: SelectorFilter(selectors.map(selector), match: match))
        let listed = try await datastore.listEntries(filter)
        let count = try await datastore.countEntries(filter)
        #expect(listed.count == count)
        return listed.map(\.spiffeID.path)
      }
      #expect(try await paths(.exact, "a:2", "a:1") == ["/12"])
      #expect(try await paths(.exact, "a:2", "a:1", "a:1") == ["/12"])
      #expect(try await paths(.subset, "a:1", "a:2") == ["/1", "/12"])
      #expect(try await paths(.superset, "a:1", "a:2") == ["/12", "/123"])
      #expect(try await paths(.any, "a:2", "a:3") == ["/12", "/123", "/3"])
      #expect(try await paths(.any, "a:9") == [])
      let empty = await failure { _ = try await paths(.any) }
      #expect(empty?.code == .invalidArgument)
      #expect(empty?.message == "cannot list by empty selector set")
    }
  }

  @Test(arguments: TestEngine.all) func filtersByFederation(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let domains = try ["a.test", "b.test", "c.test"].map { try TrustDomain($0) }
      for domain in domains { _ = try await datastore.setBundle(Bundle(trustDomain: domain)) }
      for (path, indices) in [("/0", []), ("/a", [0]), ("/ab", [0, 1]), ("/abc", [0, 1, 2])] as [(String, [Int])] {
        var new = try entry(path, "unix:uid:1")
        new.federatesWith = indices.map { domains[$0] }
        _ = try await datastore.createEntry(new)
      }
      func paths(_ match: SetMatch, _ indices: Int...) async throws -> [String] {
        let filter = FederatesWithFilter(indices.map { domains[$0] }, match: match)
        return try await datastore.listEntries(EntryFilter(federatesWith: filter)).map(\.spiffeID.path)
      }
      #expect(try await paths(.exact, 1, 0) == ["/ab"])
      #expect(try await paths(.subset, 0, 1) == ["/a", "/ab"])
      #expect(try await paths(.superset, 0, 1) == ["/ab", "/abc"])
      #expect(try await paths(.any, 1, 2) == ["/ab", "/abc"])
      let empty = await failure { _ = try await paths(.any) }
      #expect(empty?.message == "cannot list by empty trust domain set")
    }
  }

  @Test(arguments: TestEngine.all) func filtersByFields(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      var downstream = try entry("/down", "unix:uid:1")
      downstream.downstream = true
      var hinted = try entry("/hinted", parent: "/p", "unix:uid:1")
      hinted.hint = "h"
      _ = try await datastore.createEntries([downstream, hinted, entry("/plain", "unix:uid:1")])
      func paths(_ filter: EntryFilter) async throws -> [String] {
        try await datastore.listEntries(filter).map(\.spiffeID.path)
      }
      #expect(try await paths(EntryFilter(downstream: true)) == ["/down"])
      #expect(try await paths(EntryFilter(hint: "h")) == ["/hinted"])
      #expect(try await paths(EntryFilter(hint: "")) == ["/down", "/plain"])
      #expect(try await paths(EntryFilter(parentID: id("/p"))) == ["/hinted"])
      #expect(try await paths(EntryFilter(spiffeID: id("/plain"))) == ["/plain"])
      #expect(try await paths(EntryFilter(spiffeID: id("/plain"), parentID: id("/p"))) == [])
    }
  }

  @Test(arguments: TestEngine.all) func paginates(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      _ = try await datastore.createEntries((1...4).map { try entry("/\($0)", "unix:uid:1", "a:\($0)") })
      var tokens: [String] = []
      var pages: [[String]] = []
      var page = Page(size: 2)
      repeat {
        let listing = try await datastore.listEntries(.all, page: page)
        pages.append(listing.items.map(\.spiffeID.path))
        tokens.append(listing.nextToken)
        page.token = listing.nextToken
      } while !page.token.isEmpty
      #expect(pages == [["/1", "/2"], ["/3", "/4"], []])
      #expect(tokens == ["2", "4", ""])
      let zero = await failure { _ = try await datastore.listEntries(.all, page: Page(size: 0)) }
      #expect(zero?.code == .invalidArgument)
      #expect(zero?.message == "cannot paginate with pagesize = 0")
      for token in ["x", "-1", "1 ", "99999999999999999999"] {
        let bad = await failure { _ = try await datastore.listEntries(.all, page: Page(size: 1, token: token)) }
        #expect(bad?.code == .invalidArgument)
        #expect(bad?.message == "could not parse token '\(token)'")
      }
    }
  }

  @Test(arguments: TestEngine.all) func readsManyEntriesWhole(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let new = try (0..<1203).map { try entry("/\($0)", "unix:uid:\($0)", "unix:gid:\($0)") }
      let created = try await datastore.createEntries(new).map { try $0.get().entry }
      let listed = try await datastore.listEntries()
      #expect(listed == created)
      let paged = try await datastore.listEntries(.all, page: Page(size: 1100))
      #expect(paged.items == Array(created.prefix(1100)))
      let fetched = try await datastore.fetchEntries(ids: created.shuffled().map(\.id) + ["none"])
      #expect(fetched == created)
    }
  }
}
