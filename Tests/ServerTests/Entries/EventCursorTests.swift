import Testing

@testable import Server

/// No event is lost when transactions commit out of order (design.md §3).
@Suite struct EventCursorTests {
  @Test func contiguousIDsLeaveNothingMissing() {
    var cursor = EventCursor(patience: 3)
    cursor.observe([1, 2, 3])
    #expect(cursor.last == 3)
    #expect(cursor.missing == [])
    #expect(cursor.hasSeen(2))
    #expect(!cursor.hasSeen(4))
  }

  @Test func skippedIDsAreAskedForUntilTheyAppear() {
    var cursor = EventCursor(patience: 3)
    cursor.observe([1, 5])
    #expect(cursor.missing == [2, 3, 4])
    #expect(!cursor.hasSeen(3))
    cursor.polled()
    cursor.observe([3])
    #expect(cursor.missing == [2, 4])
    #expect(cursor.hasSeen(3))
  }

  @Test func skippedIDsAreGivenUpInTheEnd() {
    var cursor = EventCursor(patience: 2)
    cursor.observe([1, 3])
    cursor.polled()
    #expect(cursor.missing == [2])
    cursor.polled()
    #expect(cursor.missing == [])
  }

  @Test func theFirstEventOfAllHasNoGapBeforeIt() {
    var cursor = EventCursor(patience: 2)
    cursor.observe([1_000_000])
    #expect(cursor.missing == [])
  }

  @Test func nothingIsMissedAfterAnEmptyTable() {
    var cursor = EventCursor(patience: 2)
    cursor.observe([])
    cursor.complete()
    cursor.observe([3])
    #expect(cursor.missing == [1, 2])
    #expect(!cursor.hasSeen(1) && cursor.hasSeen(3))
  }

  @Test func aJumpOfTheSequenceIsBounded() {
    var cursor = EventCursor(patience: 2)
    cursor.observe([1, 1 << 40])
    #expect(cursor.missing == [])
    #expect(cursor.last == 1 << 40)
  }

  @Test func orderDoesNotMatter() {
    var cursor = EventCursor(patience: 2)
    cursor.observe([4, 2, 1])
    #expect(cursor.missing == [3])
  }
}
