import Foundation
import Mutations
import SPIFFE
import Testing

@testable import Agent
@testable import Daemon

/// The cache as a state machine: who matches what, who is told what, and when.
@Suite struct WorkloadCacheTests {
  let now = Date(timeIntervalSince1970: 1_795_291_845)
  let ca: TestCA

  init() throws { ca = try TestCA(now: Date(timeIntervalSince1970: 1_795_291_845)) }

  private func makeCache(_ entries: [AgentEntry], limit: Int = 1000) -> WorkloadCache {
    var cache = WorkloadCache(bundles: BundleSet(own: ca.bundle()), limit: limit)
    _ = cache.update(entries: entries, bundle: ca.bundle(), federated: [], now: now)
    return cache
  }

  private func sign(_ cache: inout WorkloadCache, _ ids: [String]? = nil, lifetime: TimeInterval = 3600) throws
    -> [WorkloadCache.Delivery]
  {
    let stale = cache.staleEntries(now: now).map(\.entry).filter { ids?.contains($0.id) ?? true }
    return try cache.setSVIDs(
      stale.map { (entryID: $0.id, svid: try ca.svid($0, now: now, lifetime: lifetime)) }, now: now
    ).deliveries
  }

  private func ids(_ update: WorkloadUpdate?) -> [String]? { update?.identities.map(\.entry.id) }

  private func ready(_ first: WorkloadCache.FirstUpdate) -> WorkloadUpdate? {
    if case .ready(let update) = first { update } else { nil }
  }

  @Test func entryMatchesWhenAllItsSelectorsAreFound() throws {
    let cache = makeCache([
      try entry("1", "/one", ["uid:1"]), try entry("2", "/two", ["uid:1", "gid:2"]),
      try entry("3", "/three", ["gid:9"]),
    ])
    #expect(cache.matchingEntries(selectors("uid:1")).map(\.id) == ["1"])
    #expect(cache.matchingEntries(selectors("gid:2", "uid:1", "user:x")).map(\.id) == ["1", "2"])
    #expect(cache.matchingEntries(selectors("gid:2")).isEmpty)
    #expect(cache.matchingEntries([]).isEmpty)
  }

  @Test func firstUpdateWaitsForEverySVID() throws {
    var cache = makeCache([try entry("b", "/b", ["uid:1"]), try entry("a", "/a", ["uid:1"])])
    let (subscriber, first) = cache.subscribe(selectors("uid:1"), now: now)
    #expect(ready(first) == nil)
    let partial = try sign(&cache, ["b"])
    #expect(partial.isEmpty)
    let deliveries = try sign(&cache, ["a"])
    #expect(deliveries.map(\.subscriber) == [subscriber])
    #expect(ids(deliveries.first?.update) == ["a", "b"])
    // A second workload of the kind gets the same object at once.
    let (_, second) = cache.subscribe(selectors("uid:1"), now: now)
    #expect(ready(second) === deliveries.first?.update)
  }

  @Test func noMatchIsAnEmptyUpdateAtOnce() throws {
    var cache = makeCache([])
    let (subscriber, first) = cache.subscribe(selectors("uid:1"), now: now)
    #expect(ids(ready(first)) == [])
    // An entry that appears is delivered once it is signed.
    let change = cache.update(
      entries: [try entry("a", "/a", ["uid:1"])], bundle: ca.bundle(), federated: [], now: now)
    #expect(change.deliveries.isEmpty)
    let deliveries = try sign(&cache)
    #expect(deliveries.map(\.subscriber) == [subscriber])
    #expect(ids(deliveries.first?.update) == ["a"])
  }

  @Test func onlyThoseAffectedAreTold() throws {
    let one = try entry("1", "/one", ["uid:1"])
    let two = try entry("2", "/two", ["uid:2"])
    var cache = makeCache([one, two])
    _ = try sign(&cache)
    let (first, _) = cache.subscribe(selectors("uid:1"), now: now)
    _ = cache.subscribe(selectors("uid:2"), now: now)
    let more = try entry("3", "/three", ["uid:1"])
    let quiet = cache.update(entries: [one, two, more], bundle: ca.bundle(), federated: [], now: now).deliveries.isEmpty
    #expect(quiet)
    let deliveries = try sign(&cache)
    #expect(deliveries.map(\.subscriber) == [first])
    // Nothing changed: nobody is told.
    let unchanged = cache.update(entries: [one, two, more], bundle: ca.bundle(), federated: [], now: now).deliveries
      .isEmpty
    #expect(unchanged)
    // Removing an entry tells those who had it.
    let removal = cache.update(entries: [one, two], bundle: ca.bundle(), federated: [], now: now)
    #expect(removal.deliveries.map(\.subscriber) == [first])
    #expect(ids(removal.deliveries.first?.update) == ["1"])
  }

  @Test func lastEntryRemovedGivesAnEmptyUpdate() throws {
    var cache = makeCache([try entry("1", "/one", ["uid:1"])])
    _ = try sign(&cache)
    _ = cache.subscribe(selectors("uid:1"), now: now)
    let removal = cache.update(entries: [], bundle: ca.bundle(), federated: [], now: now)
    #expect(ids(removal.deliveries.first?.update) == [])
  }

  @Test func ownBundleTellsEverybodyAFederatedOneOnlyItsUsers() throws {
    let other = try TestCA("other.test", now: now)
    let third = try TestCA("third.test", now: now)
    let one = try entry("1", "/one", ["uid:1"], federatesWith: ["other.test", "unknown.test"])
    let two = try entry("2", "/two", ["uid:2"])
    var cache = makeCache([one, two])
    _ = try sign(&cache)
    let (first, _) = cache.subscribe(selectors("uid:1"), now: now)
    let (second, _) = cache.subscribe(selectors("uid:2"), now: now)
    let federation = cache.update(
      entries: [one, two], bundle: ca.bundle(), federated: [other.bundle(), third.bundle()], now: now)
    #expect(federation.deliveries.map(\.subscriber) == [first])
    #expect(federation.deliveries.first?.update.federatedBundles.map(\.trustDomain.name) == ["other.test"])
    let change = cache.update(
      entries: [one, two], bundle: ca.bundle(tainted: true), federated: [other.bundle(), third.bundle()], now: now)
    #expect(Set(change.deliveries.map(\.subscriber)) == [first, second])
    let dropped = cache.update(entries: [one, two], bundle: ca.bundle(tainted: true), federated: [], now: now)
    #expect(dropped.deliveries.map(\.subscriber) == [first])
    #expect(dropped.deliveries.first?.update.federatedBundles.isEmpty == true)
  }

  @Test func changedEntryIsSignedAgainAndServedUntilThen() throws {
    var cache = makeCache([try entry("1", "/one", ["uid:1"])])
    _ = try sign(&cache)
    let (_, first) = cache.subscribe(selectors("uid:1"), now: now)
    let old = ready(first)?.identities.first?.svid
    let change = cache.update(
      entries: [try entry("1", "/one", ["uid:1"], revision: 1)], bundle: ca.bundle(), federated: [], now: now)
    #expect(change.deliveries.isEmpty)
    #expect(cache.staleEntries(now: now).map(\.reason) == [.changed])
    let deliveries = try sign(&cache)
    #expect(deliveries.count == 1)
    #expect(deliveries.first?.update.identities.first?.svid !== old)
    #expect(cache.staleEntries(now: now).isEmpty)
  }

  @Test func anotherIDIsNeverServedWithTheOldSVID() throws {
    var cache = makeCache([try entry("1", "/one", ["uid:1"])])
    _ = try sign(&cache)
    let late = try ca.svid(try entry("1", "/one", ["uid:1"]), now: now)
    _ = cache.update(
      entries: [try entry("1", "/other", ["uid:1"], revision: 1)], bundle: ca.bundle(), federated: [], now: now)
    let isGone = cache.snapshot(selectors("uid:1"), now: now).identities.isEmpty
    #expect(isGone)
    // An SVID that was on its way for the old identity is not taken.
    _ = cache.setSVIDs([(entryID: "1", svid: late)], now: now)
    let isStillGone = cache.snapshot(selectors("uid:1"), now: now).identities.isEmpty
    #expect(isStillGone)
    let (_, first) = cache.subscribe(selectors("uid:1"), now: now)
    #expect(ready(first) == nil)
    let newPath = try sign(&cache).first?.update.identities.first?.svid.id.path
    #expect(newPath == "/other")
  }

  @Test func selectorsOfAnEntryMayChange() throws {
    var cache = makeCache([try entry("1", "/one", ["uid:1"])])
    _ = try sign(&cache)
    let (first, _) = cache.subscribe(selectors("uid:1"), now: now)
    let (second, _) = cache.subscribe(selectors("uid:2"), now: now)
    let change = cache.update(
      entries: [try entry("1", "/one", ["uid:2"])], bundle: ca.bundle(), federated: [], now: now)
    let told = Dictionary(uniqueKeysWithValues: change.deliveries.map { ($0.subscriber, ids($0.update)) })
    #expect(told == [first: [], second: ["1"]])
  }

  @Test func taintedSVIDsAreReplacedWithoutAGap() throws {
    var cache = makeCache([try entry("1", "/one", ["uid:1"])])
    _ = try sign(&cache)
    _ = cache.subscribe(selectors("uid:1"), now: now)
    let authority = try #require(CertificateFacts.subjectKeyID(of: ca.der))
    let unrelated = cache.taint(keyIDs: [[1, 2, 3]])
    #expect(unrelated == 0)
    let marked = cache.taint(keyIDs: [authority])
    #expect(marked == 1)
    let again = cache.taint(keyIDs: [authority])
    #expect(again == 0)
    let served = cache.snapshot(selectors("uid:1"), now: now).identities.count
    #expect(served == 1)
    #expect(cache.staleEntries(now: now).map(\.reason) == [.tainted])
    let told = try sign(&cache).count
    #expect(told == 1)
    // One that the same authority signed, and that was on its way, does not count as the replacement.
    #expect(cache.staleEntries(now: now).map(\.reason) == [.tainted])
    #expect(cache.taintedCount == 1)
    _ = cache.taint(keyIDs: [])
    _ = try sign(&cache)
    #expect(cache.staleEntries(now: now).isEmpty)
    #expect(cache.taintedCount == 0)
  }

  @Test func missingSVIDsNeverTakeIdentitiesAway() throws {
    let one = try entry("1", "/one", ["uid:1"])
    var cache = makeCache([one])
    _ = try sign(&cache, lifetime: 60)
    _ = cache.subscribe(selectors("uid:1"), now: now)
    // The SVID expired while the server was away, and now the bundle changes: no empty update ends the stream.
    let later = now + 120
    let change = cache.update(entries: [one], bundle: ca.bundle(tainted: true), federated: [], now: later)
    #expect(change.deliveries.isEmpty)
    // Whoever comes now waits instead of getting an expired SVID.
    let (_, first) = cache.subscribe(selectors("uid:1"), now: later)
    #expect(ready(first) == nil)
    #expect(cache.staleEntries(now: later).first?.reason == .wanted)
  }

  @Test func whoWaitsGetsWhatThereIsWhenSigningFails() throws {
    var cache = makeCache([try entry("1", "/one", ["uid:1"]), try entry("2", "/two", ["uid:1"])])
    _ = try sign(&cache, ["2"])
    let (subscriber, first) = cache.subscribe(selectors("uid:1"), now: now)
    #expect(ready(first) == nil)
    #expect(cache.waitingCount == 1)
    let deliveries = cache.releaseWaiting(now: now)
    #expect(deliveries.map(\.subscriber) == [subscriber])
    #expect(ids(deliveries.first?.update) == ["2"])
    let nothing = cache.releaseWaiting(now: now).isEmpty
    #expect(nothing)
    let complete = try ids(sign(&cache).first?.update)
    #expect(complete == ["1", "2"])
  }

  @Test func nobodyGetsAnEmptyUpdateForLackOfSVIDs() throws {
    var cache = makeCache([try entry("1", "/one", ["uid:1"])])
    _ = cache.subscribe(selectors("uid:1"), now: now)
    let nothing = cache.releaseWaiting(now: now).isEmpty
    #expect(nothing)
    #expect(cache.waitingCount == 1)
  }

  @Test func limitHoldsForEntriesThatNobodyUses() throws {
    let entries = try (0..<10).map { try entry("\($0)", "/w\($0)", ["uid:\($0)"]) }
    var cache = makeCache(entries, limit: 4)
    #expect(cache.staleEntries(now: now).count == 4)
    _ = try sign(&cache)
    #expect(cache.svidCount == 4)
    #expect(cache.staleEntries(now: now).isEmpty)
    // A workload of an entry without an SVID gets one beyond the limit …
    let (subscriber, _) = cache.subscribe(selectors("uid:9"), now: now)
    #expect(cache.staleEntries(now: now).map(\.entry.id) == ["9"])
    _ = try sign(&cache)
    #expect(cache.svidCount == 5)
    // … and the next sync gives up one that nobody uses, never that one.
    _ = cache.update(entries: entries, bundle: ca.bundle(), federated: [], now: now)
    #expect(cache.svidCount == 4)
    let kept = cache.snapshot(selectors("uid:9"), now: now).identities.count
    #expect(kept == 1)
    cache.unsubscribe(subscriber)
    #expect(cache.subscriberCount == 0)
  }

  @Test func leastRecentlyUsedGoesFirst() throws {
    let entries = try (0..<4).map { try entry("\($0)", "/w\($0)", ["uid:\($0)"]) }
    var cache = makeCache(entries, limit: 4)
    _ = try sign(&cache)
    for number in [0, 2, 3] { _ = cache.snapshot(selectors("uid:\(number)"), now: now) }
    let more = entries + [try entry("9", "/w9", ["uid:9"])]
    _ = cache.update(entries: more, bundle: ca.bundle(), federated: [], now: now)
    _ = cache.subscribe(selectors("uid:9"), now: now)
    _ = try sign(&cache)
    _ = cache.update(entries: more, bundle: ca.bundle(), federated: [], now: now)
    let isEvicted = cache.snapshot(selectors("uid:1"), now: now).identities.isEmpty
    #expect(isEvicted)
    let kept = cache.snapshot(selectors("uid:0"), now: now).identities.count
    #expect(kept == 1)
  }

  @Test func entriesWithoutPrefetchAndStoredOnesAreLeftAlone() throws {
    let cache = makeCache([
      try entry("1", "/one", ["uid:1"], noPrefetch: true), try entry("2", "/two", ["uid:1"], storeSVID: true),
    ])
    #expect(cache.staleEntries(now: now).isEmpty)
    #expect(cache.matchingEntries(selectors("uid:1")).map(\.id) == ["1"])
  }

  @Test func urgentWorkComesFirst() throws {
    let entries = [
      try entry("changed", "/c", ["uid:1"]), try entry("due", "/d", ["uid:2"]), try entry("tainted", "/t", ["uid:3"]),
      try entry("wanted", "/w", ["uid:4"], noPrefetch: true),
    ]
    var cache = makeCache(entries)
    _ = try sign(&cache, ["changed", "tainted"])
    _ = cache.taint(keyIDs: [try #require(CertificateFacts.subjectKeyID(of: ca.der))])
    // What the same authority signs from here on counts as good.
    _ = cache.taint(keyIDs: [])
    _ = try cache.setSVIDs([(entryID: "due", svid: ca.svid(entries[1], now: now - 3000))], now: now)
    var next = entries
    next[0] = try entry("changed", "/c", ["uid:1"], revision: 3)
    next.append(try entry("later", "/l", ["uid:5"]))
    _ = cache.update(entries: next, bundle: ca.bundle(), federated: [], now: now)
    _ = cache.subscribe(selectors("uid:4"), now: now)
    #expect(cache.staleEntries(now: now).map(\.reason) == [.wanted, .changed, .tainted, .due, .prefetch])
  }

  @Test func groupsWithEqualIdentitiesShareOneUpdate() throws {
    var cache = makeCache([try entry("1", "/one", ["uid:1"])])
    _ = try sign(&cache)
    let (_, first) = cache.subscribe(selectors("uid:1", "pid:1"), now: now)
    let (_, second) = cache.subscribe(selectors("uid:1", "pid:2"), now: now)
    #expect(ready(first) != nil && ready(first) === ready(second))
    let deliveries = cache.update(
      entries: [try entry("1", "/one", ["uid:1"])], bundle: ca.bundle(tainted: true), federated: [], now: now
    ).deliveries
    #expect(deliveries.count == 2)
    #expect(deliveries.first?.update === deliveries.last?.update)
  }

  @Test func nearestEntryNamesWhatIsMissing() throws {
    let cache = makeCache([
      try entry("far", "/far", ["uid:5", "gid:6", "user:x"]), try entry("near", "/near", ["uid:1", "gid:7"]),
    ])
    let nearest = try #require(cache.nearestEntry(selectors("uid:1", "gid:1")))
    #expect(nearest.entry.id == "near")
    #expect(nearest.missing.map(\.value) == ["gid:7"])
  }

  /// Random changes against a model that computes everything anew: matching and updates are always the same.
  @Test(arguments: 0..<8) func agreesWithASimpleModel(_ seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    var cache = WorkloadCache(bundles: BundleSet(own: ca.bundle()), limit: 1000)
    var entries: [String: AgentEntry] = [:]
    var mailbox: [WorkloadCache.SubscriberID: (Set<SPIFFE.Selector>, [String]?)] = [:]
    func take(_ deliveries: [WorkloadCache.Delivery]) {
      for delivery in deliveries { mailbox[delivery.subscriber]?.1 = delivery.update.identities.map(\.entry.id) }
    }
    for _ in 0..<120 {
      switch Int.random(in: 0..<4, using: &generator) {
      case 0:
        let id = "\(Int.random(in: 0..<8, using: &generator))"
        let values = (0..<Int.random(in: 1...3, using: &generator)).map { _ in
          "s:\(Int.random(in: 0..<4, using: &generator))"
        }
        entries[id] = try entry(id, "/e\(id)", values)
      case 1: entries["\(Int.random(in: 0..<8, using: &generator))"] = nil
      case 2:
        let wanted = Set(
          (0..<4).filter { _ in Bool.random(using: &generator) }.map { SPIFFE.Selector(type: "unix", value: "s:\($0)") }
        )
        let (id, first) = cache.subscribe(wanted, now: now)
        mailbox[id] = (wanted, ready(first)?.identities.map(\.entry.id))
      default:
        if let id = mailbox.keys.sorted().first {
          cache.unsubscribe(id)
          mailbox[id] = nil
        }
      }
      take(cache.update(entries: entries.values, bundle: ca.bundle(), federated: [], now: now).deliveries)
      take(try sign(&cache))
      for (wanted, received) in mailbox.values {
        let expected = entries.values.filter { $0.selectors.allSatisfy(wanted.contains) }.map(\.id).sorted()
        #expect(cache.matchingEntries(wanted).map(\.id) == expected)
        #expect(received == expected)
      }
    }
    #expect(cache.subscriberCount == mailbox.count)
  }
}
