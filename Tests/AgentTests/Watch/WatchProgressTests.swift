import RPC
import Testing

@testable import Agent

/// What the agent makes of each message of a watch stream, and when it says that it is up to date.
@Suite struct WatchProgressTests {
  private func digest(_ entries: [AgentEntry]) -> [UInt8] {
    var digest = StateDigest()
    for entry in entries { digest.add(id: entry.id, revision: entry.revisionNumber, createdAt: entry.createdAt) }
    return digest.bytes
  }

  private func changes(_ revision: UInt64, more: Bool = false) -> WatchMessage {
    var changes = WatchChanges(revision: revision)
    changes.more = more
    return .changes(changes)
  }

  @Test func aMatchingStateIsAllThatAFreshStreamNeeds() throws {
    var progress = WatchProgress()
    let web = try entry("1", "/web", ["uid:0"])
    #expect(progress.begin() == nil)
    #expect(try progress.receive(.welcome(instance: "s", resumed: false), entries: ["1": web]).answer == nil)
    #expect(!progress.isCurrent)
    // Bundles come before; nothing is confirmed until the entries are known to be right.
    #expect(try progress.receive(changes(3), entries: ["1": web]).answer == nil)
    #expect(
      try progress.receive(.state(revision: 3, digest: digest([web])), entries: ["1": web]).answer == .applied(3))
    #expect(progress.isCurrent)
    #expect(try progress.receive(changes(4, more: true), entries: ["1": web]).answer == nil)
    #expect(try progress.receive(changes(4), entries: ["1": web]).answer == .applied(4))
    // The next stream goes on from here.
    progress.end()
    #expect(!progress.isCurrent)
    #expect(progress.begin() == WatchPosition(instance: "s", revision: 4))
    _ = try progress.receive(.welcome(instance: "s", resumed: true), entries: ["1": web])
    #expect(progress.isCurrent)
  }

  @Test func aStateThatDiffersHasEverythingListed() throws {
    var progress = WatchProgress()
    let (one, two) = (try entry("1", "/one", ["uid:0"]), try entry("2", "/two", ["uid:0"]))
    _ = progress.begin()
    _ = try progress.receive(.welcome(instance: "s", resumed: false), entries: ["1": one])
    #expect(try progress.receive(.state(revision: 3, digest: digest([two])), entries: ["1": one]).answer == .list)
    let revisions = [EntryRevision(id: "2", number: 0, createdAt: 1)]
    let listed = WatchMessage.listing(revision: 5, answer: EntrySyncAnswer(revisions: revisions))
    #expect(try progress.receive(listed, entries: ["1": one]).answer == .fetch(["2"]))
    #expect(!progress.isCurrent)
    let fetched = WatchMessage.listing(revision: 7, answer: EntrySyncAnswer(entries: EntryPage([two])))
    let (step, answer) = try progress.receive(fetched, entries: ["1": one])
    // The listing's revision counts: what changed since is told again.
    #expect(answer == .applied(5))
    guard case .replace(let sync) = step else { throw AgentError(.malformed, "nothing to replace") }
    #expect(sync.entries.keys.sorted() == ["2"])
    #expect(progress.isCurrent)
  }

  @Test func entriesFromElsewhereAreNoPlaceToGoOnFrom() throws {
    var progress = WatchProgress()
    _ = progress.begin()
    _ = try progress.receive(.welcome(instance: "s", resumed: false), entries: [:])
    #expect(try progress.receive(.state(revision: 3, digest: digest([])), entries: [:]).answer == .applied(3))
    progress.doubt()
    // Not even later changes say that all before was right.
    #expect(try progress.receive(changes(4), entries: [:]).answer == nil)
    progress.end()
    #expect(progress.begin() == nil)
  }

  @Test func nonsenseEndsTheStream() throws {
    var progress = WatchProgress()
    _ = progress.begin()
    #expect(throws: AgentError(.malformed, "")) { try progress.receive(changes(1), entries: [:]) }
    _ = try progress.receive(.welcome(instance: "s", resumed: false), entries: [:])
    #expect(throws: AgentError(.malformed, "")) {
      try progress.receive(.welcome(instance: "t", resumed: false), entries: [:])
    }
    let listed = EntrySyncAnswer(revisions: [EntryRevision(id: "2", number: 0, createdAt: 1)], more: true)
    _ = try progress.receive(.listing(revision: 5, answer: listed), entries: [:])
    #expect(throws: AgentError(.malformed, "")) { try progress.receive(changes(6), entries: [:]) }
  }
}
