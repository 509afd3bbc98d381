package import FoundationEssentials
import SPIFFE

/// The entries with `store_svid`: their SVIDs, where these go, and what the stores are still to do (agent-behaviour §16).
///
/// A value-type state machine: no clock, no locks, no waiting. Its owner, ``SVIDStoreCache``, passes in the time, has the
/// jobs done and says how they ended.
package struct StoredEntries: Sendable {
  /// How long a store is left alone with what it could not do.
  static let retryInterval: Duration = .seconds(5)

  struct Record: Sendable {
    var entry: AgentEntry
    /// Nil when no store can take it.
    var target: StoreTarget?
    var svid: WorkloadSVID?
    var isTainted = false
    /// What is stored at ``target``; nil when it is not known to be there.
    var stored: StoreContent?
    /// The metadata, or the content, that the store said makes no sense to it.
    var refused: StoreContent?
    /// Where something of this entry may be: deleted when the entry goes there no more.
    var places: Set<StoreTarget> = []
    /// Failed jobs wait until then.
    var retries: [StoreTarget: Duration] = [:]
    var isRemoved = false
  }

  /// The configured plugins.
  let plugins: Set<String>
  private(set) var records: [String: Record] = [:]
  private var bundle: [[UInt8]] = []
  private var federated: [TrustDomain: [[UInt8]]] = [:]
  private var taintedKeyIDs: Set<[UInt8]> = []
  /// Reasons why entries are not stored, each told once.
  private var told: [String: String] = [:]

  package init(plugins: Set<String>) { self.plugins = plugins }

  package var svidCount: Int { records.values.count { $0.svid != nil && !$0.isRemoved } }
  package var taintedCount: Int { records.values.count { $0.isTainted && $0.svid != nil && !$0.isRemoved } }

  // MARK: What the server says

  /// Takes over the entries and bundles of the moment: what happened to entries, for the log, and whether anything is to
  /// be done because of it.
  package mutating func update(entries: [AgentEntry], bundles: BundleSet) -> (events: [CacheEvent], isNew: Bool) {
    let before = (bundle, federated)
    bundle = bundles.own.bundle.x509Authorities.map(\.der)
    federated = bundles.federated.mapValues { $0.bundle.x509Authorities.map(\.der) }
    var events: [CacheEvent] = []
    var present: Set<String> = []
    for entry in entries {
      present.insert(entry.id)
      if let event = put(entry) { events.append(event) }
    }
    for (id, record) in records where !present.contains(id) && !record.isRemoved {
      events.append(.entryRemoved(record.entry))
      records[id]?.isRemoved = true
      records[id]?.target = nil
      records[id]?.svid = nil
      told[id] = nil
      forgetIfDone(id)
    }
    return (events, !events.isEmpty || before != (bundle, federated))
  }

  private mutating func put(_ entry: AgentEntry) -> CacheEvent? {
    let before = records[entry.id]
    if let before, before.entry == entry, !before.isRemoved { return nil }
    var record = before ?? Record(entry: entry)
    record.entry = entry
    record.isRemoved = false
    if before?.entry.spiffeID != entry.spiffeID { record.svid = nil }
    let target = (try? StoreTarget(entry.selectors)).flatMap { plugins.contains($0.plugin) ? $0 : nil }
    if target != record.target {
      record.target = target
      record.stored = nil
      record.refused = nil
    }
    records[entry.id] = record
    return before.map { .entryUpdated(entry, before: $0.entry) } ?? .entryCreated(entry)
  }

  /// Entries that cannot be stored and why; each reason is told once.
  package mutating func newProblems() -> [(entry: AgentEntry, message: String)] {
    var problems: [(entry: AgentEntry, message: String)] = []
    let owners = owners()
    for (id, record) in records.sorted(by: { $0.key < $1.key }) where !record.isRemoved {
      let problem = problem(of: record, owners)
      if let problem, told[id] != problem { problems.append((record.entry, problem)) }
      told[id] = problem
    }
    return problems
  }

  private func problem(of record: Record, _ owners: [StoreTarget: String]) -> String? {
    do throws(AgentError) {
      let target = try StoreTarget(record.entry.selectors)
      guard plugins.contains(target.plugin) else { return "Error storing SVID: SVIDStore not found" }
      if let owner = owners[target], owner != record.entry.id {
        return "Error storing SVID: the entry \(owner) has the same selectors"
      }
      return nil
    } catch { return "Invalid store name in selectors: \(error.message)" }
  }

  /// Marks the SVIDs that tainted authorities signed; how many are new.
  package mutating func taint(keyIDs: Set<[UInt8]>) -> Int {
    taintedKeyIDs = keyIDs
    var count = 0
    for (id, record) in records {
      guard let svid = record.svid, !record.isTainted, isTainted(svid) else { continue }
      records[id]?.isTainted = true
      count += 1
    }
    return count
  }

  package func isTainted(_ svid: WorkloadSVID) -> Bool { svid.authorityKeyIDs.contains(where: taintedKeyIDs.contains) }

  // MARK: Signing

  /// What is to be signed now, the most urgent first. Entries that no store takes are not signed.
  package func staleEntries(now: Date) -> [WorkloadCache.StaleEntry] {
    var stale: [WorkloadCache.StaleEntry] = []
    for record in records.values where record.target != nil {
      guard let reason = staleness(record, now) else { continue }
      stale.append(.init(entry: record.entry, reason: reason, expiresAt: record.svid?.notAfter))
    }
    return stale.sorted { ($0.reason, $0.entry.id) < ($1.reason, $1.entry.id) }
  }

  private func staleness(_ record: Record, _ now: Date) -> WorkloadCache.StaleEntry.Reason? {
    guard let svid = record.svid, svid.notAfter > now else { return .wanted }
    if !svid.isCurrent(for: record.entry) { return .changed }
    if record.isTainted { return .tainted }
    return svid.rotationTime <= now ? .due : nil
  }

  package var nextRotation: Date? { records.values.lazy.compactMap { $0.svid?.rotationTime }.min() }

  /// Takes over SVIDs that were signed; the entries that got one.
  package mutating func setSVIDs(_ svids: [(entryID: String, svid: WorkloadSVID)]) -> [AgentEntry] {
    var updated: [AgentEntry] = []
    for (id, svid) in svids {
      guard let record = records[id], !record.isRemoved, record.entry.spiffeID == svid.id else { continue }
      let isTainted = isTainted(svid)
      records[id]?.svid = svid
      records[id]?.isTainted = isTainted
      updated.append(record.entry)
    }
    return updated
  }

  // MARK: Storing

  /// What the store `plugin` is to do now: what goes before what comes, so that a place is free for its next owner. A
  /// place that another entry has by now is not cleared: that entry's SVID replaces what is there.
  ///
  /// - Parameter steady: the time on the clock that nobody sets.
  package func jobs(for plugin: String, now: Date, steady: Duration) -> [StoreJob] {
    let owners = owners()
    var deletions: [StoreJob] = []
    var puts: [StoreJob] = []
    for (id, record) in records.sorted(by: { $0.key < $1.key }) {
      func isDue(_ target: StoreTarget) -> Bool { record.retries[target].map { $0 <= steady } ?? true }
      func job(_ target: StoreTarget, _ work: StoreJob.Work) -> StoreJob {
        StoreJob(entryID: id, spiffeID: record.entry.spiffeID, target: target, work: work)
      }
      for target in record.places.sorted(by: { $0.metadata.lexicographicallyPrecedes($1.metadata) })
      where target != record.target && target.plugin == plugin && isDue(target) && owners[target] == nil {
        deletions.append(job(target, .delete))
      }
      guard let target = record.target, target.plugin == plugin, owners[target] == id, isDue(target),
        let content = content(of: record, now), !content.isSame(as: record.stored),
        !content.isSame(as: record.refused)
      else { continue }
      puts.append(job(target, .put(content)))
    }
    return deletions + puts
  }

  private func content(of record: Record, _ now: Date) -> StoreContent? {
    guard let svid = record.svid, svid.notAfter > now, svid.id == record.entry.spiffeID else { return nil }
    let domains = Set(record.entry.federatesWith)
    return StoreContent(svid: svid, bundle: bundle, federated: federated.filter { domains.contains($0.key) })
  }

  /// Which of several entries with the same selectors is stored: the one that is already, else the oldest.
  private func owners() -> [StoreTarget: String] {
    var owners: [StoreTarget: Record] = [:]
    for record in records.values {
      guard let target = record.target else { continue }
      guard let other = owners[target] else {
        owners[target] = record
        continue
      }
      let isThere = record.places.contains(target)
      if isThere != other.places.contains(target) {
        if isThere { owners[target] = record }
      } else if (record.entry.createdAt, record.entry.id) < (other.entry.createdAt, other.entry.id) {
        owners[target] = record
      }
    }
    return owners.mapValues(\.entry.id)
  }

  /// A job is given to the store: from now on something may be there.
  package mutating func began(_ job: StoreJob) {
    if case .put = job.work { records[job.entryID]?.places.insert(job.target) }
  }

  /// Says how a job ended.
  package mutating func ended(_ job: StoreJob, _ outcome: StoreJob.Outcome, isRefusal: Bool, steady: Duration) {
    guard var record = records[job.entryID] else { return }
    switch (outcome, job.work) {
    case (.failed, _): record.retries[job.target] = steady + Self.retryInterval
    case (.settled, .delete):
      record.places.remove(job.target)
      record.retries[job.target] = nil
      // The entry may have come back to this place while it was cleared.
      if record.target == job.target { record.stored = nil }
    case (.settled, .put(let content)):
      record.retries[job.target] = nil
      if isRefusal { record.places.remove(job.target) }
      if record.target == job.target {
        if isRefusal { record.refused = content } else { record.stored = content }
      }
    }
    records[job.entryID] = record
    forgetIfDone(job.entryID)
  }

  private mutating func forgetIfDone(_ id: String) {
    if let record = records[id], record.isRemoved, record.places.isEmpty { records[id] = nil }
  }
}
