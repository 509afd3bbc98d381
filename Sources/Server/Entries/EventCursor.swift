package import DatastoreAPI

/// Follows a table of events without losing any (docs/decisions/0004-event-log.md).
///
/// IDs are handed out when a transaction writes and become visible when it commits, so a smaller ID may appear after a
/// greater one, or never. What was skipped is kept as ranges and looked for again until it has appeared, until every
/// transaction that could own it has ended, or, where the engine cannot tell, until its time is over. When that is too
/// much to keep, everything is read again instead until the same holds.
///
/// A value-type state machine: no clock, no I/O. `now` is a steady time. One round of its owner is
/// ``plan(newest:since:now:)``, then ``learn(writers:)`` where the engine can tell, then reading what the plan says, then
/// ``observe(_:)`` and ``complete(now:)``; or reading everything and ``init(runs:after:)``.
package struct EventCursor: Hashable, Sendable {
  /// The most ranges that are remembered, 16 bytes each: room for a quarter of an hour with 200 events a second of which
  /// every second ID is skipped for good, as servers of a Galera cluster do.
  static let maximumGaps = 200_000
  /// The most ranges that are read at once. Near ones are read with what lies between.
  static let maximumReads = 16
  /// The longest time between two looks at a gap.
  private static let longestPause = Duration.seconds(30)

  /// The newest event seen; `nil` when the table was empty.
  package private(set) var newest: EventRow?
  /// Gaps in the order of their IDs, in groups that were found about the same time; later groups have greater IDs.
  private var groups: [GapGroup] = []
  /// Gaps that were found since the last plan.
  private var fresh: [ClosedRange<Int64>] = []
  private var gapCount = 0
  /// Set when more was skipped than can be kept.
  private(set) var doubt: Doubt?
  /// Whether the rows that the events are about have been read.
  package let isLoaded: Bool
  private let timeout: Duration
  let gapLimit: Int

  /// A cursor before everything has been read for the first time.
  ///
  /// - Parameter timeout: how long a transaction may be open, where the engine does not tell which are.
  package init(timeout: Duration, gapLimit: Int = maximumGaps) {
    self.timeout = timeout
    self.gapLimit = gapLimit
    isLoaded = false
  }

  /// A cursor after everything has been read.
  ///
  /// - Parameters:
  ///   - runs: the events that were visible before that was begun.
  ///   - old: the cursor before. Its doubt lasts until a reading began after its end.
  package init(runs: EventRuns, after old: EventCursor) {
    timeout = old.timeout
    gapLimit = old.gapLimit
    isLoaded = true
    newest = runs.newest
    // What a doubt is about needs no other care, and none any more once it is over. In another table it means nothing.
    doubt = old.doubt.flatMap { $0.end <= runs.newest?.id ?? 0 ? $0 : nil }
    let settled = doubt?.end ?? 0
    if doubt?.isOver == true { doubt = nil }
    var next = runs.reachesStart ? 1 : runs.runs.first?.lowerBound ?? 1
    for run in runs.runs {
      let start = max(next, settled + 1)
      if start < run.lowerBound { fresh.append(start...(run.lowerBound - 1)) }
      next = run.upperBound + 1
    }
    gapCount = fresh.count
    if gapCount > gapLimit { giveUpGaps() }
  }

  /// Whether it matters which transactions are open.
  package var asksForWriters: Bool { !groups.isEmpty || doubt != nil }

  /// The greatest ID seen.
  package var last: Int64 { newest?.id ?? 0 }

  /// The number of skipped IDs that are still looked for.
  package var missingCount: Int {
    var sum: Int64 = 0
    for gap in groups.lazy.flatMap(\.gaps) { sum = Self.add(sum, gap) }
    for gap in fresh { sum = Self.add(sum, gap) }
    return Int(sum)
  }

  private static func add(_ sum: Int64, _ gap: ClosedRange<Int64>) -> Int64 {
    let result = sum.addingReportingOverflow(gap.upperBound - gap.lowerBound + 1)
    return result.overflow ? .max : result.partialValue
  }

  /// Whether an event of this ID has been read, or is known not to come. What cannot be told is not seen.
  package func hasSeen(_ id: Int64) -> Bool {
    guard id <= last else { return false }
    if isDoubtful(id) { return false }
    if let first = fresh.first, id >= first.lowerBound { return GapGroup.index(of: id, in: fresh) == nil }
    guard let group = group(of: id) else { return true }
    return GapGroup.index(of: id, in: groups[group].gaps) == nil
  }

  /// Whether it cannot be told that an event of this ID has been read.
  package func isDoubtful(_ id: Int64) -> Bool { doubt.map { id <= $0.end } ?? false }

  // MARK: Events

  /// Takes events that were read, or were committed by this process, in any order.
  package mutating func observe(_ rows: some Sequence<EventRow>) {
    for row in rows.sorted(by: { $0.id < $1.id }) {
      let last = last
      if row.id <= last {
        forget(row.id)
      } else {
        if isLoaded, row.id > last + 1 {
          fresh.append((last + 1)...(row.id - 1))
          gapCount += 1
        }
        newest = row
      }
    }
    if gapCount > gapLimit { giveUpGaps() }
  }

  private mutating func forget(_ id: Int64) {
    if let first = fresh.first, id >= first.lowerBound {
      gapCount += GapGroup.remove(id, from: &fresh)
    } else if let group = group(of: id) {
      gapCount += GapGroup.remove(id, from: &groups[group].gaps)
      if groups[group].gaps.isEmpty { groups.remove(at: group) }
    }
  }

  /// The group whose gaps are around `id`.
  private func group(of id: Int64) -> Int? {
    var (low, high) = (0, groups.count)
    while low < high {
      let middle = (low + high) / 2
      if groups[middle].gaps[groups[middle].gaps.count - 1].upperBound < id { low = middle + 1 } else { high = middle }
    }
    return low < groups.count && groups[low].gaps[0].lowerBound <= id ? low : nil
  }

  private mutating func giveUpGaps() {
    groups = []
    fresh = []
    gapCount = 0
    doubt = Doubt(end: last, began: doubt?.began)
  }

  // MARK: Rounds

  /// What to read now.
  ///
  /// - Parameters:
  ///   - newest: the newest event in the table; `nil` for an empty one.
  ///   - before: ``newest`` as it was before the table was asked.
  package mutating func plan(newest row: EventRow?, since before: EventRow?, now: Duration) -> EventPlan {
    seal(now)
    if let before {
      guard let row, row.id >= before.id else { return .reload(.wentBack) }
      // An ID is used once: the table is not the one that was followed.
      guard row.id > before.id || row == before else { return .reload(.changed) }
    }
    if doubt?.isDue(now, timeout: timeout) == true {
      doubt?.ask(now, timeout: timeout)
      return .reload(.tooManyGaps)
    }
    var read = EventRead()
    if (row?.id ?? 0) > (before?.id ?? 0) { read.after = before?.id ?? 0 }
    var due: [ClosedRange<Int64>] = []
    for index in groups.indices {
      groups[index].isAsked = groups[index].isDue(now, longestPause: Self.longestPause)
      if groups[index].isAsked { due += groups[index].gaps }
      if groups[index].hasWriters, now - groups[index].since >= timeout {
        read.overdue.formUnion(groups[index].writers ?? [])
      }
    }
    read.gaps = GapGroup.cover(due, at: Self.maximumReads)
    return .read(read)
  }

  /// Gaps found so far may have been owned by transactions that were open at this moment or later.
  private mutating func seal(_ now: Duration) {
    if !fresh.isEmpty { groups.append(GapGroup(gaps: fresh, now: now)) }
    fresh = []
    doubt?.seal(now)
  }

  /// Takes which transactions may have an ID, asked for after the plan and before anything is read.
  package mutating func learn(writers: Set<String>) {
    for index in groups.indices { groups[index].learn(writers) }
    doubt?.learn(writers)
  }

  /// What the plan said has been read: gaps of which nothing can come any more are closed.
  ///
  /// - Parameter now: when the plan was made; what was read is not older.
  package mutating func complete(now: Duration) {
    groups.removeAll { group in
      guard group.isAsked, group.isOver(now, timeout: timeout) else { return false }
      gapCount -= group.gaps.count
      return true
    }
    for index in groups.indices where groups[index].isAsked {
      groups[index].asked = now
      groups[index].isAsked = false
    }
    GapGroup.merge(&groups, now: now)
  }
}
