import DatastoreAPI
import Testing

@testable import Server

/// No event is lost when transactions commit out of order (docs/decisions/0004-event-log.md).
@Suite struct EventCursorTests {
  private func rows(_ ids: Int64...) -> [EventRow] { ids.map { EventRow(id: $0, key: "e\($0)") } }

  private func cursor(_ ids: ClosedRange<Int64>..., reachesStart: Bool = true, gapLimit: Int = 1000) -> EventCursor {
    var runs = EventRuns()
    runs.runs = ids
    runs.reachesStart = reachesStart
    runs.newest = ids.last.map { EventRow(id: $0.upperBound, key: "e\($0.upperBound)") }
    return EventCursor(runs: runs, after: EventCursor(timeout: .seconds(100), gapLimit: gapLimit))
  }

  /// What a round reads of gaps while nothing new is there; it is read and nothing is found.
  private func round(_ cursor: inout EventCursor, at second: Int, writers: Set<String>? = nil) -> [ClosedRange<Int64>] {
    let now = Duration.seconds(second)
    guard case .read(let read) = cursor.plan(newest: cursor.newest, since: cursor.newest, now: now) else { return [] }
    if let writers { cursor.learn(writers: writers) }
    cursor.complete(now: now)
    return read.gaps
  }

  @Test func contiguousIDsLeaveNothingMissing() {
    var cursor = cursor(1...1)
    cursor.observe(rows(2, 3))
    #expect(cursor.last == 3)
    #expect(cursor.missingCount == 0)
    #expect(cursor.hasSeen(2))
    #expect(!cursor.hasSeen(4))
  }

  @Test func skippedIDsAreLookedForUntilTheyAppear() {
    var cursor = cursor(1...1)
    cursor.observe(rows(5))
    #expect(cursor.missingCount == 3)
    #expect(round(&cursor, at: 1) == [2...4])
    #expect(!cursor.hasSeen(3))
    cursor.observe(rows(3))
    #expect(cursor.hasSeen(3))
    #expect(round(&cursor, at: 2) == [2...2, 4...4])
    cursor.observe(rows(2, 4))
    #expect(round(&cursor, at: 3) == [])
  }

  @Test func theyAreLookedForLessAndLessOften() {
    var cursor = cursor(1...1)
    cursor.observe(rows(3))
    let looks = (0...200).filter { !round(&cursor, at: $0).isEmpty }
    #expect(looks.prefix(10) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    #expect(looks.count < 40)
    // The last look is one after the time is over.
    #expect(looks.last.map { $0 >= 100 && $0 <= 111 } == true)
    #expect(cursor.missingCount == 0)
    #expect(cursor.hasSeen(2))
  }

  @Test func aGapIsClosedWhenItsWritersHaveEnded() {
    var cursor = cursor(1...1)
    cursor.observe(rows(3))
    #expect(round(&cursor, at: 1, writers: ["x", "y"]) == [2...2])
    // One of them has ended; the new one came too late to own it.
    #expect(round(&cursor, at: 2, writers: ["y", "z"]) == [2...2])
    #expect(round(&cursor, at: 3, writers: ["z"]) == [2...2])
    #expect(cursor.missingCount == 0)
    #expect(!cursor.asksForWriters)
  }

  @Test func aWriterThatStaysIsWaitedForAndNamed() {
    var cursor = cursor(1...1)
    cursor.observe(rows(3))
    for second in 0...500 { _ = round(&cursor, at: second, writers: ["x"]) }
    #expect(cursor.missingCount == 1)
    let plan = cursor.plan(newest: cursor.newest, since: cursor.newest, now: .seconds(500))
    guard case .read(let read) = plan else {
      Issue.record("\(plan)")
      return
    }
    #expect(read.overdue == ["x"])
  }

  @Test func whatWasBeforeTheFirstEventMayBeMissing() {
    #expect(cursor(7...9).missingCount == 6)
    // Not when it is only older than what was looked at.
    #expect(cursor(7...9, reachesStart: false).missingCount == 0)
    var empty = cursor()
    empty.observe(rows(3))
    #expect(empty.missingCount == 2)
    #expect(!empty.hasSeen(1) && empty.hasSeen(3))
  }

  @Test func aJumpOfTheSequenceIsOneGap() {
    var cursor = cursor(1...1)
    cursor.observe(rows(1 << 40))
    #expect(round(&cursor, at: 1) == [2...((1 << 40) - 1)])
    cursor.observe(rows(1 << 30))
    #expect(cursor.hasSeen(1 << 30))
    #expect(!cursor.hasSeen((1 << 30) + 1))
  }

  @Test func manyGapsAreReadInFewRanges() {
    var cursor = cursor(1...1)
    cursor.observe((1...500).map { EventRow(id: $0 * 3, key: "k") })
    cursor.observe((5000...6000).map { EventRow(id: $0, key: "k") } + rows(10_000))
    let gaps = round(&cursor, at: 1)
    #expect(gaps.count == EventCursor.maximumReads)
    #expect(gaps.first?.lowerBound == 2)
    // What lies between is read too, but not where much does.
    #expect(gaps.last == 6001...9999)
    #expect(zip(gaps, gaps.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
  }

  @Test func groupsStayFew() {
    var cursor = cursor(1...1)
    for second in 1...90 {
      cursor.observe(rows(Int64(second) * 2 + 1))
      _ = round(&cursor, at: second)
    }
    #expect(cursor.missingCount == 90)
    // And none is waited for much longer than its time.
    for second in 91...240 { _ = round(&cursor, at: second) }
    #expect(cursor.missingCount == 0)
  }

  @Test func aTableThatEndsEarlierIsReadAnew() {
    var cursor = cursor(1...5)
    #expect(cursor.plan(newest: nil, since: cursor.newest, now: .zero) == .reload(.wentBack))
    #expect(cursor.plan(newest: rows(4)[0], since: cursor.newest, now: .zero) == .reload(.wentBack))
    #expect(cursor.plan(newest: EventRow(id: 5, key: "other"), since: cursor.newest, now: .zero) == .reload(.changed))
    // A commit of this process came in between.
    let before = cursor.newest
    cursor.observe(rows(6))
    #expect(cursor.plan(newest: before, since: before, now: .zero) == .read(EventRead()))
  }

  @Test func tooManyGapsAskForReloadsUntilTheirTimeIsOver() {
    var cursor = cursor(1...1, gapLimit: 2)
    cursor.observe(rows(3, 5, 7))
    #expect(cursor.missingCount == 0)
    #expect(!cursor.hasSeen(4) && !cursor.hasSeen(3))
    var reloads: [Int] = []
    for second in 0...200 {
      let plan = cursor.plan(newest: cursor.newest, since: cursor.newest, now: .seconds(second))
      guard case .reload(.tooManyGaps) = plan else { continue }
      reloads.append(second)
      var runs = EventRuns()
      runs.runs = [1...1, 7...7]
      runs.newest = cursor.newest
      cursor = EventCursor(runs: runs, after: cursor)
    }
    #expect(reloads.first == 0 && reloads.count < 15)
    #expect(reloads.last.map { $0 >= 100 } == true)
    #expect(cursor.doubt == nil)
  }

  @Test func orderDoesNotMatter() {
    var cursor = cursor()
    cursor.observe(rows(4, 2, 1))
    #expect(cursor.missingCount == 1)
    #expect(!cursor.hasSeen(3))
  }
}
