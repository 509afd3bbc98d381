import Foundation
import SPIFFE
import Testing

@testable import Agent
@testable import Daemon

/// What stores are told, and when: the state machine alone.
@Suite struct StoredEntriesTests {
  private let now = Date(timeIntervalSince1970: 1_795_291_845)
  private let ca: TestCA
  private let bundles: BundleSet

  init() throws {
    ca = try TestCA(now: Date(timeIntervalSince1970: 1_795_291_845))
    bundles = BundleSet(own: ca.bundle())
  }

  private func stored(
    _ id: String, _ selectors: [String] = ["dir:web"], path: String = "/web", type: String = "disk",
    federatesWith: [String] = [], revision: Int64 = 0, createdAt: Int64 = 1
  ) throws -> AgentEntry {
    try entry(
      id, path, selectors, federatesWith: federatesWith, revision: revision, createdAt: createdAt, storeSVID: true,
      type: type)
  }

  private func make(_ entries: [AgentEntry]) -> StoredEntries {
    var state = StoredEntries(plugins: ["disk", "cloud"])
    _ = state.update(entries: entries, bundles: bundles)
    return state
  }

  private func sign(_ state: inout StoredEntries) throws {
    _ = state.setSVIDs(
      try state.staleEntries(now: now).map { (entryID: $0.entry.id, svid: try ca.svid($0.entry, now: now)) })
  }

  /// The jobs of a store as texts; `outcome` ends them.
  private func run(
    _ state: inout StoredEntries, _ plugin: String = "disk", steady: Duration = .zero,
    outcome: StoreJob.Outcome? = .settled, isRefusal: Bool = false
  ) -> [String] {
    state.jobs(for: plugin, now: now, steady: steady).map { job in
      if let outcome {
        state.began(job)
        state.ended(job, outcome, isRefusal: isRefusal, steady: steady)
      }
      let metadata = job.target.metadata.joined(separator: ",")
      if case .put = job.work { return "put \(job.entryID) \(metadata)" }
      return "delete \(job.entryID) \(metadata)"
    }
  }

  @Test func anSVIDIsStoredOnceItIsThereAndNotAgain() throws {
    var state = make([try stored("1")])
    #expect(run(&state).isEmpty)
    #expect(state.staleEntries(now: now).map(\.reason) == [.wanted])
    try sign(&state)
    #expect(state.staleEntries(now: now).isEmpty && state.svidCount == 1)
    #expect(run(&state, "cloud").isEmpty)
    #expect(run(&state) == ["put 1 dir:web"])
    #expect(run(&state).isEmpty)
    // The same entries and bundles again are nothing new.
    #expect(try !state.update(entries: [stored("1")], bundles: bundles).isNew)
    #expect(run(&state).isEmpty)
  }

  @Test func aNewSVIDABundleAndAFederatedBundleAreStored() throws {
    let other = try TestCA("partner.test", now: now)
    var state = make([try stored("1", federatesWith: ["partner.test"]), try stored("2", ["dir:db"])])
    try sign(&state)
    _ = run(&state)
    _ = state.update(
      entries: [try stored("1", federatesWith: ["partner.test"]), try stored("2", ["dir:db"])],
      bundles: BundleSet(own: ca.bundle(), federated: [other.bundle()]))
    #expect(run(&state) == ["put 1 dir:web"])
    let next = try TestCA(now: now)
    var grown = ca.bundle()
    grown.x509Authorities += next.bundle().x509Authorities
    _ = state.update(
      entries: [try stored("1", federatesWith: ["partner.test"]), try stored("2", ["dir:db"])],
      bundles: BundleSet(own: grown, federated: [other.bundle()]))
    #expect(run(&state) == ["put 1 dir:web", "put 2 dir:db"])
    // Keys of tokens do not concern what is stored.
    grown.jwtAuthorities = []
    _ = state.update(
      entries: [try stored("1", federatesWith: ["partner.test"]), try stored("2", ["dir:db"])],
      bundles: BundleSet(own: grown, federated: [other.bundle()]))
    #expect(run(&state).isEmpty)
    _ = state.setSVIDs([("1", try ca.svid(stored("1"), now: now))])
    #expect(run(&state) == ["put 1 dir:web"])
  }

  @Test func aChangedEntryIsSignedAgainAndItsOldSVIDNotTakenAway() throws {
    var state = make([try stored("1")])
    try sign(&state)
    _ = run(&state)
    _ = state.update(entries: [try stored("1", revision: 2)], bundles: bundles)
    #expect(state.staleEntries(now: now).map(\.reason) == [.changed])
    #expect(run(&state).isEmpty)
    // Another identity: the SVID of the one before is not stored for it.
    _ = state.update(entries: [try stored("1", path: "/other", revision: 3)], bundles: bundles)
    #expect(state.staleEntries(now: now).map(\.reason) == [.wanted])
    #expect(run(&state).isEmpty)
    try sign(&state)
    #expect(run(&state) == ["put 1 dir:web"])
  }

  @Test func changedSelectorsDeleteAndThenPut() throws {
    var state = make([try stored("1")])
    try sign(&state)
    _ = run(&state)
    _ = state.update(entries: [try stored("1", ["dir:new", "user:www"], revision: 1)], bundles: bundles)
    #expect(run(&state) == ["delete 1 dir:web", "put 1 dir:new,user:www"])
    #expect(run(&state).isEmpty)
    // To another store: each does its part.
    _ = state.update(entries: [try stored("1", ["name:x"], type: "cloud", revision: 2)], bundles: bundles)
    #expect(run(&state) == ["delete 1 dir:new,user:www"])
    #expect(run(&state, "cloud") == ["put 1 name:x"])
  }

  @Test func aRemovedEntryIsDeletedUntilThatWorks() throws {
    var state = make([try stored("1")])
    try sign(&state)
    _ = run(&state)
    _ = state.update(entries: [], bundles: bundles)
    #expect(state.svidCount == 0)
    #expect(run(&state, outcome: .failed) == ["delete 1 dir:web"])
    #expect(run(&state, steady: .seconds(4)).isEmpty)
    #expect(run(&state, steady: .seconds(5)) == ["delete 1 dir:web"])
    #expect(run(&state, steady: .seconds(60)).isEmpty && state.records.isEmpty)
  }

  @Test func whatWasNeverGivenToAStoreIsNotDeleted() throws {
    var state = make([try stored("1")])
    _ = state.update(entries: [], bundles: bundles)
    #expect(run(&state).isEmpty && state.records.isEmpty)
    // A put that failed may have left something.
    state = make([try stored("1")])
    try sign(&state)
    #expect(run(&state, outcome: .failed) == ["put 1 dir:web"])
    _ = state.update(entries: [], bundles: bundles)
    #expect(run(&state, steady: .seconds(5)) == ["delete 1 dir:web"])
  }

  @Test func failuresAreTriedAgainAndRefusalsAreNot() throws {
    var state = make([try stored("1")])
    try sign(&state)
    #expect(run(&state, outcome: .failed) == ["put 1 dir:web"])
    #expect(run(&state, steady: .seconds(4.9)).isEmpty)
    #expect(run(&state, steady: .seconds(5), isRefusal: true) == ["put 1 dir:web"])
    #expect(run(&state, steady: .seconds(60)).isEmpty)
    // Another SVID may be another matter; other selectors certainly are.
    _ = state.update(entries: [try stored("1", ["dir:new"], revision: 1)], bundles: bundles)
    #expect(run(&state, steady: .seconds(61)) == ["put 1 dir:new"])
  }

  @Test func anEntryThatComesBackIsStoredAgain() throws {
    var state = make([try stored("1")])
    try sign(&state)
    _ = run(&state)
    _ = state.update(entries: [], bundles: bundles)
    _ = state.update(entries: [try stored("1")], bundles: bundles)
    #expect(run(&state).isEmpty, "nothing is deleted that is to stay")
    try sign(&state)
    #expect(run(&state) == ["put 1 dir:web"])
  }

  @Test func onePlaceHasOneEntry() throws {
    var state = make([try stored("b", createdAt: 1), try stored("a", createdAt: 2)])
    try sign(&state)
    #expect(run(&state) == ["put b dir:web"])
    #expect(state.newProblems().map(\.entry.id) == ["a"])
    #expect(state.newProblems().isEmpty, "each is told once")
    // Its successor replaces what is there, and nothing is deleted under it.
    _ = state.update(entries: [try stored("a", createdAt: 2)], bundles: bundles)
    #expect(run(&state) == ["put a dir:web"])
    _ = state.update(entries: [], bundles: bundles)
    #expect(Set(run(&state)) == ["delete a dir:web", "delete b dir:web"])
    #expect(state.records.isEmpty)
  }

  @Test func entriesWithoutAStoreAreNamedOnceAndNotSigned() throws {
    var mixed = try stored("2")
    mixed = AgentEntry(
      id: "2", spiffeID: mixed.spiffeID,
      selectors: [.init(type: "disk", value: "dir:x"), .init(type: "cloud", value: "y")], storeSVID: true)
    var state = make([try stored("1", type: "none"), mixed])
    #expect(
      state.newProblems().map(\.message) == [
        "Error storing SVID: SVIDStore not found", "Invalid store name in selectors: selector contains multiple types",
      ])
    #expect(state.newProblems().isEmpty && state.staleEntries(now: now).isEmpty)
    #expect(throws: AgentError(.invalidArgument, "")) { _ = try StoreTarget([]) }
  }

  @Test func whatATaintedAuthoritySignedIsReplacedAtOnce() throws {
    var state = make([try stored("1")])
    try sign(&state)
    _ = run(&state)
    let key = try #require(CertificateFacts.subjectKeyID(of: ca.der))
    #expect(state.taint(keyIDs: [key]) == 1 && state.taint(keyIDs: [key]) == 0)
    #expect(state.staleEntries(now: now).map(\.reason) == [.tainted] && state.taintedCount == 1)
    // It stays stored until there is another.
    #expect(run(&state).isEmpty)
    let next = try TestCA(now: now)
    _ = state.setSVIDs([("1", try next.svid(stored("1"), now: now))])
    #expect(state.taintedCount == 0 && run(&state) == ["put 1 dir:web"])
  }

  @Test func anSVIDThatExpiredIsNotStored() throws {
    var state = make([try stored("1")])
    _ = state.setSVIDs([("1", try ca.svid(stored("1"), now: now, lifetime: 60))])
    #expect(state.jobs(for: "disk", now: now + 61, steady: .zero).isEmpty)
    #expect(state.staleEntries(now: now + 31).map(\.reason) == [.due])
    #expect(state.staleEntries(now: now + 61).map(\.reason) == [.wanted])
  }
}
