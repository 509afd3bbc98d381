import Foundation
import SPIFFE
import Testing

@testable import Agent

/// What the cache remembers so that it need not look through all entries, after each kind of change.
@Suite struct WorkloadCacheScaleTests {
  let now = Date(timeIntervalSince1970: 1_795_291_845)
  let ca: TestCA

  init() throws { ca = try TestCA(now: Date(timeIntervalSince1970: 1_795_291_845)) }

  private func makeCache(limit: Int = 1000) -> WorkloadCache {
    WorkloadCache(bundles: BundleSet(own: ca.bundle()), limit: limit)
  }

  /// What the indexes say is what a look at every record says.
  private func check(_ cache: WorkloadCache, _ place: SourceLocation = #_sourceLocation) {
    let records = cache.records
    #expect(cache.holders == Set(records.filter { $0.value.svid != nil }.keys), sourceLocation: place)
    #expect(cache.subscribed == Set(records.filter { !$0.value.groups.isEmpty }.keys), sourceLocation: place)
    let domains = Set(records.values.flatMap(\.entry.federatesWith))
    #expect(Set(cache.federating.keys) == domains, sourceLocation: place)
    for domain in domains {
      let users = records.filter { $0.value.entry.federatesWith.contains(domain) }.keys
      #expect(cache.federating[domain] == Set(users), sourceLocation: place)
    }
    let groups = cache.groups.mapValues(\.matching)
    for (id, record) in records {
      #expect(record.groups == Set(groups.filter { $0.value.contains(id) }.keys), sourceLocation: place)
    }
  }

  @Test func indexesHoldThroughAllChanges() throws {
    var cache = makeCache(limit: 2)
    var entries = [
      try entry("1", "/one", ["uid:1"], federatesWith: ["a.test", "b.test"]),
      try entry("2", "/two", ["uid:1", "gid:2"], federatesWith: ["b.test"]), try entry("3", "/three", ["uid:3"]),
      try entry("4", "/four", ["uid:4"]), try entry("5", "/five", ["uid:5"], storeSVID: true),
    ]
    func take() {
      _ = cache.update(entries: entries, bundle: ca.bundle(), federated: [], now: now)
      check(cache)
    }
    func sign() throws {
      let stale = cache.staleEntries(now: now)
      _ = try cache.setSVIDs(stale.map { ($0.entry.id, try ca.svid($0.entry, now: now, lifetime: 3600)) }, now: now)
      check(cache)
    }
    take()
    try sign()
    #expect(cache.holders.count == 2)
    let (first, _) = cache.subscribe(selectors("uid:1", "gid:2"), now: now)
    let (second, _) = cache.subscribe(selectors("uid:1", "gid:2"), now: now)
    let (third, _) = cache.subscribe(selectors("uid:4"), now: now)
    check(cache)
    try sign()
    // Another bundle, other selectors, another identity, a store's now, gone.
    entries[0] = try entry("1", "/one", ["uid:1"], federatesWith: ["c.test"], revision: 1)
    entries[1] = try entry("2", "/two", ["uid:4"], revision: 1)
    entries[3] = try entry("4", "/other", ["uid:4"], revision: 1)
    take()
    try sign()
    entries[2] = try entry("3", "/three", ["uid:3"], revision: 1, storeSVID: true)
    take()
    entries.remove(at: 0)
    take()
    _ = cache.change(
      entries: [try entry("6", "/six", ["uid:4"])], removed: ["2"], bundle: ca.bundle(), federated: [], now: now)
    check(cache)
    for subscriber in [first, second, third] {
      cache.unsubscribe(subscriber)
      check(cache)
    }
    #expect(cache.subscribed.isEmpty && cache.groups.isEmpty && cache.groupsBySelector.isEmpty)
    _ = cache.update(entries: [], bundle: ca.bundle(), federated: [], now: now)
    check(cache)
    #expect(cache.entryCount == 0 && cache.svidCount == 0 && cache.anchors.isEmpty)
  }

  @Test func syncThatBroughtNothingChangesNothing() throws {
    var cache = makeCache()
    // The same objects, and equal ones.
    let entries = try (0..<20).map { try entry("\($0)", "/w\($0)", ["uid:\($0)"]) }
    let again = try (0..<20).map { try entry("\($0)", "/w\($0)", ["uid:\($0)"]) }
    #expect(entries[0] == again[0] && entries[0] !== again[0] && entries[0].hashValue == again[0].hashValue)
    #expect(cache.update(entries: entries.reversed(), bundle: ca.bundle(), federated: [], now: now).events.count == 20)
    for same in [entries, again, entries.reversed()] {
      let changes = cache.update(entries: same, bundle: ca.bundle(), federated: [], now: now)
      #expect(changes.events.isEmpty && changes.deliveries.isEmpty)
    }
    // As many as before, but not the same ones.
    let other = Array(entries.dropFirst()) + [try entry("new", "/new", ["uid:1"])]
    let changes = cache.update(entries: other, bundle: ca.bundle(), federated: [], now: now)
    #expect(changes.events.count == 2 && cache.entryCount == 20 && cache.records["0"] == nil)
  }

  @Test func entriesDifferInEachOfTheirParts() throws {
    let one = try entry("1", "/one", ["uid:1"])
    let others = [
      try entry("2", "/one", ["uid:1"]), try entry("1", "/two", ["uid:1"]), try entry("1", "/one", ["uid:2"]),
      try entry("1", "/one", ["uid:1"], federatesWith: ["a.test"]), try entry("1", "/one", ["uid:1"], revision: 1),
      try entry("1", "/one", ["uid:1"], hint: "h"), try entry("1", "/one", ["uid:1"], createdAt: 2),
      try entry("1", "/one", ["uid:1"], storeSVID: true), try entry("1", "/one", ["uid:1"], noPrefetch: true),
      AgentEntry(id: "1", spiffeID: one.spiffeID, selectors: one.selectors, admin: true, createdAt: 1),
      AgentEntry(id: "1", spiffeID: one.spiffeID, selectors: one.selectors, downstream: true, createdAt: 1),
    ]
    #expect(one == AgentEntry(id: "1", spiffeID: one.spiffeID, selectors: one.selectors, createdAt: 1))
    for other in others { #expect(one != other) }
  }

  @Test func prefetchNamesWhatWasUsedLastAndThenTheFirstIDs() throws {
    var cache = makeCache(limit: 3)
    let entries = try (0..<9).map { try entry("\($0)", "/w\($0)", ["uid:\($0)"], noPrefetch: $0 == 0) }
    _ = cache.update(entries: entries.reversed(), bundle: ca.bundle(), federated: [], now: now)
    #expect(cache.staleEntries(now: now).map(\.entry.id) == ["1", "2", "3"])
    // Looked for, without an SVID: the likeliest to be asked for again. The one without prefetch stays out.
    for uid in [0, 7, 5] { _ = cache.snapshot(selectors("uid:\(uid)"), now: now) }
    #expect(cache.staleEntries(now: now).map(\.entry.id) == ["1", "5", "7"])
    #expect(cache.staleEntries(now: now).allSatisfy { $0.reason == .prefetch })
    // What is wanted takes its room first.
    _ = cache.subscribe(selectors("uid:8"), now: now)
    _ = cache.subscribe(selectors("uid:0"), now: now)
    #expect(cache.staleEntries(now: now).map(\.reason) == [.wanted, .wanted, .prefetch])
  }

  @Test func updateReachesTheStreamsItConcernsAlone() throws {
    var cache = makeCache()
    let entries = try (0..<50).map { try entry("\($0)", "/w\($0)", ["uid:\($0)"]) }
    _ = cache.update(entries: entries, bundle: ca.bundle(), federated: [], now: now)
    _ = try cache.setSVIDs(entries.map { ($0.id, try ca.svid($0, now: now, lifetime: 3600)) }, now: now)
    var streams: [Int: Set<WorkloadCache.SubscriberID>] = [:]
    for uid in 0..<50 {
      for _ in 0..<4 { streams[uid, default: []].insert(cache.subscribe(selectors("uid:\(uid)"), now: now).0) }
    }
    let renewed = cache.setSVIDs([(entryID: "7", svid: try ca.svid(entries[7], now: now))], now: now)
    #expect(Set(renewed.deliveries.map(\.subscriber)) == streams[7])
    // All streams with one identity share one update, and so its bytes.
    #expect(Set(renewed.deliveries.map { ObjectIdentifier($0.update) }).count == 1)
    let all = cache.update(entries: entries, bundle: ca.bundle(tainted: true), federated: [], now: now)
    #expect(all.deliveries.count == 200 && Set(all.deliveries.map { ObjectIdentifier($0.update) }).count == 50)
  }
}
