/// The recent part of an event table: which IDs are visible.
package struct EventRuns: Hashable, Sendable {
  /// Visible IDs without a gap, ascending.
  package var runs: [ClosedRange<Int64>] = []
  /// The row of the greatest ID; `nil` when the table is empty.
  package var newest: EventRow?
  /// Whether there are no rows before the first run. Otherwise those before are older than was asked for.
  package var reachesStart = false

  package init() {}

  /// Takes the next ID on the way from the greatest one down.
  package mutating func prepend(_ id: Int64) {
    if let first = runs.last, first.lowerBound == id + 1 {
      runs[runs.count - 1] = id...first.upperBound
    } else {
      runs.append(id...id)
    }
  }

  /// To be called once after the last ``prepend(_:)``.
  package mutating func finish() { runs.reverse() }
}
