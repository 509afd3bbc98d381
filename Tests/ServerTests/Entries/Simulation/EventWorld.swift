import DatastoreAPI

@testable import Server

/// A database with one event table, transactions of several servers, and one server that follows them with an
/// ``EventCursor``. A value: each step is one that the database or the server takes at once, in any order.
struct EventWorld: Hashable {
  /// A transaction changes one entity and takes one or more event IDs for it.
  struct Transaction: Hashable {
    var entity: String
    var ids = 1
    var commits = true
    /// Of the server that follows: told to its cursor after the commit.
    var isOwn = false
    var taken: [Int64] = []
    var isDone = false
    var isUntold = false
  }

  enum Phase: Hashable {
    case idle
    case asking(before: EventRow?)
    case planning(before: EventRow?, heads: EventRow?)
    case reading(EventRead, before: EventRow?)
    case looking(EventRead, [EventRow])
    case taking([EventRow])
    case reloading
    case replacing(EventRuns)
  }

  // The database.
  var rows: [Int64: String] = [:]
  /// The IDs in the order of their commits.
  var order: [Int64] = []
  var entities: [String: Int] = [:]
  var nextID: Int64 = 1
  var transactions: [Transaction] = []
  /// Whether the engine tells which transactions are open, as PostgreSQL does.
  var tellsWriters: Bool

  // The server.
  var cursor: EventCursor
  var model: [String: Int] = [:]
  var phase = Phase.idle
  var now = Duration.zero
  var rounds = 0
  var roundStart = Duration.zero
  var eventsMeanwhile: [EventRow] = []
  var changedMeanwhile: Set<String> = []
  var inDoubt: Set<String> = []
  /// How many events there were when the last round that is over began, and when this one did.
  var looked = 0
  var looking = 0
  var hasSlept = false

  // What is checked.
  var reloads = 0
  /// Events that were taken since everything was read last.
  var takenOnce: Set<Int64> = []
  var wasTakenTwice = false

  let timeout: Duration

  init(tellsWriters: Bool, timeout: Duration = .seconds(60), gapLimit: Int = 1000) {
    self.tellsWriters = tellsWriters
    self.timeout = timeout
    cursor = EventCursor(timeout: timeout, gapLimit: gapLimit)
  }

  // MARK: Transactions

  func canStep(_ index: Int) -> Bool {
    let transaction = transactions[index]
    if transaction.isUntold { return true }
    guard !transaction.isDone else { return false }
    // The row lock of the entity.
    return !transaction.taken.isEmpty
      || !transactions.contains { !$0.taken.isEmpty && !$0.isDone && $0.entity == transaction.entity }
  }

  mutating func step(_ index: Int) {
    if transactions[index].isUntold { return tell(index) }
    if transactions[index].taken.count < transactions[index].ids {
      transactions[index].taken.append(nextID)
      nextID += 1
      return
    }
    transactions[index].isDone = true
    guard transactions[index].commits else { return }
    for id in transactions[index].taken { rows[id] = transactions[index].entity }
    order += transactions[index].taken
    entities[transactions[index].entity] = index + 1
    transactions[index].isUntold = transactions[index].isOwn
  }

  /// What ``EntryModelKeeper/committed(_:)`` does.
  private mutating func tell(_ index: Int) {
    transactions[index].isUntold = false
    let (entity, ids) = (transactions[index].entity, transactions[index].taken)
    let events = ids.map { EventRow(id: $0, key: entity) }
    if let last = ids.last, !cursor.hasSeen(last) {
      if cursor.isDoubtful(last) { inDoubt.insert(entity) }
      model[entity] = index + 1
      changedMeanwhile.insert(entity)
    }
    cursor.observe(events)
    eventsMeanwhile += events
  }

  private var writers: Set<String> {
    Set(transactions.indices.filter { !transactions[$0].taken.isEmpty && !transactions[$0].isDone }.map { "\($0)" })
  }

  // MARK: The server

  private var newest: EventRow? { rows.max { $0.key < $1.key }.map { EventRow(id: $0.key, key: $0.value) } }

  private func visible(_ isWanted: (Int64) -> Bool) -> [EventRow] {
    rows.filter { isWanted($0.key) }.map { EventRow(id: $0.key, key: $0.value) }.sorted { $0.id < $1.id }
  }

  mutating func stepServer() {
    switch phase {
    case .idle:
      rounds += 1
      roundStart = now
      changedMeanwhile = []
      looking = order.count
      phase = cursor.isLoaded && !hasSlept ? .asking(before: cursor.newest) : .reloading
      hasSlept = false
    case .asking(let before): phase = .planning(before: before, heads: newest)
    case .planning(let before, let heads):
      let plan = cursor.plan(newest: heads, since: before, now: roundStart)
      if tellsWriters, cursor.asksForWriters { cursor.learn(writers: writers) }
      switch plan {
      case .read(let read): phase = .reading(read, before: before)
      case .reload: phase = .reloading
      }
    case .reading(let read, let before):
      guard read.after != nil else {
        phase = .looking(read, [])
        return
      }
      let found = visible { $0 >= before?.id ?? 0 }
      phase = before == nil || found.first == before ? .looking(read, found) : .reloading
    case .looking(let read, let found):
      let known = Set(found.map(\.id))
      phase = .taking(
        found + visible { id in !known.contains(id) && read.gaps.contains { $0.contains(id) } })
    case .taking(let found):
      take(found)
      looked = looking
      phase = .idle
    case .reloading:
      reloads += 1
      (eventsMeanwhile, changedMeanwhile) = ([], [])
      phase = .replacing(runs())
    case .replacing(let runs):
      model = entities
      cursor = EventCursor(runs: runs, after: cursor)
      cursor.observe(eventsMeanwhile)
      takenOnce = []
      looked = looking
      phase = .idle
    }
  }

  private mutating func take(_ found: [EventRow]) {
    let new = found.filter { !cursor.hasSeen($0.id) }
    for event in new where !cursor.isDoubtful(event.id) {
      if !takenOnce.insert(event.id).inserted { wasTakenTwice = true }
    }
    for entity in inDoubt.union(new.map(\.key)) { model[entity] = entities[entity] }
    inDoubt = []
    cursor.observe(found)
    cursor.complete(now: roundStart)
  }

  private func runs() -> EventRuns {
    var runs = EventRuns()
    runs.newest = newest
    for id in rows.keys.sorted(by: >) { runs.prepend(id) }
    runs.reachesStart = true
    runs.finish()
    return runs
  }

  /// Whole rounds, with nothing else happening, until nothing may be waited for any more.
  mutating func settle() {
    while phase != .idle { stepServer() }
    for _ in 0..<4 { round(after: .seconds(1)) }
    let end = now + timeout + timeout + .seconds(124)
    while !tellsWriters, now < end { round(after: .seconds(31)) }
  }

  mutating func round(after pause: Duration) {
    now += pause
    repeat { stepServer() } while phase != .idle
  }

  /// What is wrong once everything has settled; `nil` when nothing is.
  var fault: String? {
    if model != entities { return "the model has \(model), the tables \(entities)" }
    if cursor.missingCount > 0 || cursor.doubt != nil { return "\(cursor.missingCount) IDs are still waited for" }
    if wasTakenTwice { return "an event was taken twice" }
    return nil
  }
}
