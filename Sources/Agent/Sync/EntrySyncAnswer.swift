/// One message of the server in SyncAuthorizedEntries.
package struct EntrySyncAnswer: Sendable {
  package var revisions: [EntryRevision]
  package var entries: EntryPage
  package var more: Bool

  package init(revisions: [EntryRevision] = [], entries: EntryPage = EntryPage(), more: Bool = false) {
    self.revisions = revisions
    self.entries = entries
    self.more = more
  }
}

/// Entries as they came: the usable ones, and why the others are not.
package struct EntryPage: Sendable {
  package var entries: [AgentEntry]
  /// Each says which entry and what is wrong with it.
  package var malformed: [String]

  package init(_ entries: [AgentEntry] = [], malformed: [String] = []) {
    self.entries = entries
    self.malformed = malformed
  }

  package var isEmpty: Bool { entries.isEmpty && malformed.isEmpty }
}

/// Which state of an entry the server has.
package struct EntryRevision: Hashable, Sendable {
  package let id: String
  package let number: Int64
  package let createdAt: Int64

  package init(id: String, number: Int64, createdAt: Int64) {
    self.id = id
    self.number = number
    self.createdAt = createdAt
  }
}
