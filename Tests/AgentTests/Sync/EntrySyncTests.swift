import SPIFFE
import Testing

@testable import Agent

/// SyncAuthorizedEntries, message by message.
@Suite struct EntrySyncTests {
  private func known(_ entries: AgentEntry...) -> [String: AgentEntry] {
    Dictionary(uniqueKeysWithValues: entries.map { ($0.id, $0) })
  }

  private func revision(_ id: String, _ number: Int64 = 0, _ createdAt: Int64 = 1) -> EntryRevision {
    EntryRevision(id: id, number: number, createdAt: createdAt)
  }

  @Test func smallSetComesAtOnceAndReplacesAll() throws {
    var sync = EntrySync(entries: known(try entry("a", "/a", ["uid:1"]), try entry("b", "/b", ["uid:2"])))
    let page = EntryPage([try entry("b", "/b", ["uid:2"], revision: 1), try entry("c", "/c", ["uid:3"])])
    #expect(try sync.receive(EntrySyncAnswer(entries: page)) == .finish)
    #expect(sync.entries.keys.sorted() == ["b", "c"])
    #expect(sync.statistics == .init(total: 2, missing: 1, stale: 1, dropped: 1))
  }

  @Test func emptySetDropsEverything() throws {
    var sync = EntrySync(entries: known(try entry("a", "/a", ["uid:1"])))
    #expect(try sync.receive(EntrySyncAnswer()) == .finish)
    #expect(sync.entries.isEmpty)
  }

  @Test func largeSetFetchesOnlyWhatChanged() throws {
    var sync = EntrySync(
      entries: known(
        try entry("same", "/s", ["uid:1"]), try entry("newer", "/n", ["uid:1"]),
        try entry("older", "/o", ["uid:1"], revision: 5),
        try entry("again", "/x", ["uid:1"]), try entry("gone", "/g", ["uid:1"])))
    let first = EntrySyncAnswer(revisions: [revision("same"), revision("newer", 1)], more: true)
    #expect(try sync.receive(first) == .read)
    let second = EntrySyncAnswer(
      revisions: [revision("older", 4), revision("again", 0, 99), revision("fresh")], more: false)
    // The page size is that of the first answer: two.
    #expect(try sync.receive(second) == .request(["again", "fresh"]))
    #expect(sync.entries["gone"] == nil)
    let page = EntryPage([try entry("again", "/x", ["uid:1"], createdAt: 99)])
    #expect(try sync.receive(EntrySyncAnswer(entries: page, more: true)) == .read)
    let rest = EntryPage([try entry("fresh", "/f", ["uid:1"])])
    #expect(try sync.receive(EntrySyncAnswer(entries: rest)) == .request(["newer", "older"]))
    let last = EntryPage([
      try entry("newer", "/n", ["uid:1"], revision: 1), try entry("older", "/o", ["uid:1"], revision: 4),
    ])
    #expect(try sync.receive(EntrySyncAnswer(entries: last)) == .finish)
    #expect(sync.entries.keys.sorted() == ["again", "fresh", "newer", "older", "same"])
    #expect(sync.entries["older"]?.revisionNumber == 4)
    #expect(sync.statistics == .init(total: 5, missing: 1, stale: 3, dropped: 1))
  }

  @Test func requestedEntryThatDoesNotComeIsDropped() throws {
    var sync = EntrySync(entries: known(try entry("a", "/a", ["uid:1"])))
    #expect(try sync.receive(EntrySyncAnswer(revisions: [revision("a", 1)])) == .request(["a"]))
    #expect(try sync.receive(EntrySyncAnswer()) == .finish)
    #expect(sync.entries.isEmpty)
  }

  @Test func nothingNewNeedsNoRequest() throws {
    var sync = EntrySync(entries: known(try entry("a", "/a", ["uid:1"])))
    #expect(try sync.receive(EntrySyncAnswer(revisions: [revision("a")])) == .finish)
    #expect(sync.entries.count == 1)
  }

  @Test func mixedAnswersAreRefusedAndLoseNothing() throws {
    let page = EntryPage([try entry("a", "/a", ["uid:1"])])
    var sync = EntrySync(entries: known(try entry("a", "/a", ["uid:1"])))
    #expect(throws: AgentError(.malformed, "")) {
      try sync.receive(EntrySyncAnswer(revisions: [revision("a")], entries: page))
    }
    #expect(sync.entries.count == 1)
    var other = EntrySync(entries: [:])
    #expect(try other.receive(EntrySyncAnswer(revisions: [revision("a")])) == .request(["a"]))
    #expect(throws: AgentError(.malformed, "")) {
      try other.receive(EntrySyncAnswer(revisions: [revision("b")]))
    }
  }

  @Test func uselessRevisionsAreSkippedWithAWarning() throws {
    var sync = EntrySync(entries: [:])
    let answer = EntrySyncAnswer(revisions: [revision(""), revision("b", -1), revision("a")])
    #expect(try sync.receive(answer) == .request(["a"]))
    #expect(sync.warnings.count == 2)
  }
}
