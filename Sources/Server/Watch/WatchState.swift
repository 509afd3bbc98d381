import SPIFFE

/// What one watching agent was told, has confirmed, and has to be told next.
///
/// A value-type state machine: no clock, no locks, no I/O. ``AgentWatcher`` owns it. Bounded: changes of which the agent
/// was not told yet are a set of IDs; when that grows too large, one comparison takes its place.
struct WatchState: Sendable {
  /// Changed entries that are remembered one by one.
  static let idLimit = 2000
  /// Messages that an agent may leave unconfirmed before it is told nothing new.
  static let window = 4

  /// What an agent is to be told.
  struct Content: Sendable, Equatable {
    var ids: Set<String> = []
    var bundles: Set<TrustDomain> = []
    /// All entries and bundles are compared instead.
    var comparison = false
    /// The agent asked whether it has everything: the entries are compared after the changes.
    var verifies = false
    /// The most agents that one of these changes concerns.
    var audience = 0
    /// When the first of these changes came, on the clock that nobody sets.
    var since: Duration?

    var isEmpty: Bool { ids.isEmpty && bundles.isEmpty && !comparison && !verifies }

    mutating func add(_ other: Content) {
      comparison = comparison || other.comparison || ids.count + other.ids.count > WatchState.idLimit
      ids = comparison ? [] : ids.union(other.ids)
      bundles.formUnion(other.bundles)
      verifies = verifies || other.verifies
      audience = max(audience, other.audience)
      since = [since, other.since].compactMap { $0 }.min()
    }
  }

  /// What is to be sent now.
  struct Work: Sendable, Equatable {
    /// The stream begins; whether it goes on where another one ended.
    var welcome: Bool?
    var answersPing = false
    var lists = false
    var fetch: [String]?
    var content: Content?
  }

  private struct Batch: Sendable {
    let revision: UInt64
    let content: Content
  }

  private(set) var pending = Content()
  private var unconfirmed: [Batch] = []
  private var welcome: Bool?
  private var wantsPong = false
  private var wantsList = false
  private var fetches: [String]?
  /// The revision of the listing that the agent is taking in: until it has, changes wait.
  private var listing: UInt64?
  /// The bundles of the agent's own trust domain that were sent and not confirmed yet, by number.
  private var sentBundles: [(revision: UInt64, number: UInt32)] = []
  /// The number of the last one that the agent has applied; 0 before.
  private(set) var bundle: UInt32 = 0
  /// The last revision that was sent.
  private(set) var sent: UInt64 = 0
  /// The last revision that the agent confirmed.
  private(set) var applied: UInt64 = 0
  /// The last revision that concerns the agent.
  private(set) var needed: UInt64 = 0

  /// A stream of an agent of which nothing is known.
  init() {}

  // MARK: The server's side

  /// Something changed. No IDs: everything may have.
  mutating func mark(
    ids: [String]?, bundles: Set<TrustDomain> = [], audience: Int = 1, revision: UInt64, now: Duration
  ) {
    var content = Content(bundles: bundles, comparison: ids == nil, audience: audience, since: now)
    if !pending.comparison { content.ids = Set(ids ?? []) }
    pending.add(content)
    needed = max(needed, revision)
  }

  /// The agent asked whether it has everything.
  mutating func verify(revision: UInt64, now: Duration) {
    pending.add(Content(verifies: true, since: now))
    needed = max(needed, revision)
  }

  /// What may be sent now, as of the model's revision; nil when there is nothing.
  mutating func take(revision: UInt64) -> Work? {
    var work = Work(welcome: welcome, answersPing: wantsPong, fetch: listing == nil ? nil : fetches)
    welcome = nil
    wantsPong = false
    fetches = nil
    if wantsList {
      wantsList = false
      work.lists = true
      listing = revision
      // The listing says it all.
      var content = pending
      content.comparison = true
      content.ids = []
      send(content, revision)
    } else if listing == nil, unconfirmed.count < Self.window, !pending.isEmpty {
      work.content = pending
      send(pending, revision)
    }
    let isNothing =
      work.welcome == nil && !work.answersPing && !work.lists && work.fetch == nil && work.content == nil
    return isNothing ? nil : work
  }

  /// The bundle of the agent's own trust domain is sent with this revision.
  mutating func sends(bundle number: UInt32, revision: UInt64) {
    sentBundles.append((revision, number))
    if sentBundles.count > 2 * Self.window { sentBundles.removeFirst() }
  }

  private mutating func send(_ content: Content, _ revision: UInt64) {
    unconfirmed.append(Batch(revision: revision, content: content))
    sent = revision
    pending = Content()
  }

  // MARK: The agent's side

  /// The agent begins, with nothing that is known here.
  mutating func begin(revision: UInt64, now: Duration) {
    welcome = false
    mark(ids: nil, revision: revision, now: now)
  }

  /// The agent begins where `other` ended, having applied `revision`. Returns whether that is possible.
  mutating func resume(_ other: WatchState, at revision: UInt64) -> Bool {
    guard revision > 0, revision >= other.applied, revision <= other.sent else { return false }
    self = other
    _ = confirm(revision)
    for batch in unconfirmed { pending.add(batch.content) }
    unconfirmed = []
    sentBundles = []
    listing = nil
    fetches = nil
    wantsList = false
    wantsPong = false
    welcome = true
    return true
  }

  /// The agent applied all up to `revision`. Returns false if it was never told of it.
  mutating func confirm(_ revision: UInt64) -> Bool {
    guard revision <= sent else { return false }
    applied = max(applied, revision)
    unconfirmed.removeAll { $0.revision <= revision }
    if let last = sentBundles.last(where: { $0.revision <= revision }) { bundle = last.number }
    sentBundles.removeAll { $0.revision <= revision }
    if let listing, revision >= listing { self.listing = nil }
    return true
  }

  mutating func ping() { wantsPong = true }
  mutating func list() { wantsList = true }
  /// Returns false while an earlier request was not taken up.
  mutating func fetch(_ ids: [String]) -> Bool {
    guard fetches == nil, listing != nil || wantsList else { return false }
    fetches = ids
    return true
  }

  // MARK: How far it is

  /// Since when the agent has been behind; nil when it is not.
  var behindSince: Duration? { (unconfirmed.compactMap(\.content.since) + [pending.since].compactMap { $0 }).min() }

  /// Changes that wait to be sent.
  var pendingCount: Int { pending.comparison ? 1 : pending.ids.count + pending.bundles.count }
}
