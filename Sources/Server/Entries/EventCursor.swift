/// Follows a table of events without missing any (design.md §3).
///
/// IDs are handed out when a transaction begins to write and become visible when it commits, so a smaller ID may appear
/// after a greater one. Every ID that is skipped is asked for again at each poll until it appears or its time is over.
/// A value-type state machine: no clock, no I/O.
package struct EventCursor: Equatable, Sendable {
  /// The most skipped IDs that are remembered: a jump of the sequence must not fill the memory.
  static let maximumGaps = 10_000

  /// The greatest ID seen.
  package private(set) var last: Int64
  /// Skipped IDs with the number of polls for which they are still asked for.
  private var gaps: [Int64: Int] = [:]
  /// Whether what was before the first event is known.
  private var isComplete = false
  private let patience: Int

  /// - Parameter patience: polls after which a skipped ID is taken for a transaction that was rolled back.
  package init(last: Int64 = 0, patience: Int) {
    self.last = last
    self.patience = patience
  }

  /// The IDs to look for besides those after ``last``.
  package var missing: [Int64] { gaps.keys.sorted() }

  /// The number of skipped IDs that are still looked for.
  package var missingCount: Int { gaps.count }

  /// Whether an event of this ID has been read.
  package func hasSeen(_ id: Int64) -> Bool { id <= last && gaps[id] == nil }

  /// Everything that is visible now has been read: if that was nothing, IDs before the first event will be missed too.
  package mutating func complete() { isComplete = true }

  /// Takes IDs that were read, in any order.
  package mutating func observe(_ ids: some Sequence<Int64>) {
    for id in ids.sorted() {
      if id <= last {
        gaps[id] = nil
        continue
      }
      // The first event of all: what was before was read with the rows, if they have been read.
      if last > 0 || isComplete {
        let skipped = id - last - 1
        if skipped > 0, skipped <= Int64(Self.maximumGaps - gaps.count) {
          for gap in (last + 1)..<id { gaps[gap] = patience }
        }
      }
      last = id
    }
  }

  /// A poll is over: skipped IDs that have been asked for often enough are given up.
  package mutating func polled() {
    for (id, polls) in gaps { gaps[id] = polls > 1 ? polls - 1 : nil }
  }
}
