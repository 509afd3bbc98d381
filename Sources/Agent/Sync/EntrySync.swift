/// The agent's side of SyncAuthorizedEntries (agent-behaviour §6.4): finds out with little traffic which entries there
/// are.
///
/// A value-type state machine without I/O: the owner passes on what it says. ``entries`` is correct after
/// ``Action/finish``; after a failure in between it holds what was known before, refreshed by what arrived.
package struct EntrySync: Sendable {
  package enum Action: Equatable, Sendable {
    /// Read the next answer.
    case read
    /// Ask for these entries, then read.
    case request([String])
    /// The entries are complete.
    case finish
  }

  /// The gauges of a sync (agent-behaviour §18).
  package struct Statistics: Hashable, Sendable {
    package var total = 0
    package var missing = 0
    package var stale = 0
    package var dropped = 0
  }

  private enum Phase {
    case first
    case revisions(pageSize: Int)
    case entries(pageSize: Int, pending: [[String]])
    case finished
  }

  /// The entries by id.
  package private(set) var entries: [String: AgentEntry]
  package private(set) var statistics = Statistics()
  /// What was skipped and why, for the log.
  package private(set) var warnings: [String] = []
  private var phase = Phase.first
  private var listed: [String: EntryRevision] = [:]
  private var needed: [String] = []

  /// - Parameter entries: what the agent knows from the sync before.
  package init(entries: [String: AgentEntry]) { self.entries = entries }

  /// Takes in an answer of the server and says what to do next.
  package mutating func receive(_ answer: EntrySyncAnswer) throws(AgentError) -> Action {
    switch phase {
    case .first:
      if answer.revisions.isEmpty {
        if answer.more {
          throw AgentError(.malformed, "unexpected first response: it has no revisions but more is to come")
        }
        return replaceAll(with: answer.entries)
      }
      phase = .revisions(pageSize: answer.revisions.count)
      return try receiveRevisions(answer)
    case .revisions: return try receiveRevisions(answer)
    case .entries: return try receiveEntries(answer)
    case .finished: throw AgentError(.malformed, "unexpected response after the end of the synchronization")
    }
  }

  /// The server ended the stream before the entries were complete.
  package func ended() -> AgentError {
    AgentError(.unavailable, "the server ended the entry synchronization before it was complete")
  }

  private mutating func replaceAll(with page: EntryPage) -> Action {
    let old = entries
    entries = Dictionary(page.entries.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    warnings += page.malformed
    for (id, entry) in entries {
      if let known = old[id] {
        if known.revisionNumber != entry.revisionNumber { statistics.stale += 1 }
      } else {
        statistics.missing += 1
      }
    }
    statistics.dropped = old.keys.count { entries[$0] == nil }
    return finish()
  }

  private mutating func receiveRevisions(_ answer: EntrySyncAnswer) throws(AgentError) -> Action {
    guard case .revisions(let pageSize) = phase else { return .read }
    guard answer.entries.isEmpty else {
      throw AgentError(.malformed, "unexpected entries in the response while revisions are listed")
    }
    for revision in answer.revisions {
      if revision.id.isEmpty {
        warnings.append("Entry revision without an entry ID")
      } else if revision.number < 0 {
        warnings.append("Entry revision of \(revision.id) has the negative number \(revision.number)")
      } else {
        listed[revision.id] = revision
      }
    }
    return answer.more ? .read : requestEntries(pageSize: pageSize)
  }

  private mutating func requestEntries(pageSize: Int) -> Action {
    for id in entries.keys where listed[id] == nil {
      entries[id] = nil
      statistics.dropped += 1
    }
    for (id, revision) in listed {
      guard let known = entries[id] else {
        statistics.missing += 1
        needed.append(id)
        continue
      }
      if known.revisionNumber != revision.number || (revision.createdAt != 0 && revision.createdAt != known.createdAt) {
        statistics.stale += 1
        needed.append(id)
      }
    }
    needed.sort()
    let pages = stride(from: 0, to: needed.count, by: pageSize).map {
      Array(needed[$0..<min($0 + pageSize, needed.count)])
    }
    return next(of: pages[...], pageSize: pageSize)
  }

  private mutating func next(of pages: ArraySlice<[String]>, pageSize: Int) -> Action {
    guard let page = pages.first else {
      // An entry that was listed and asked for, but did not come, is not authorised any more.
      for id in needed where !refreshed.contains(id) && entries[id] != nil {
        entries[id] = nil
        statistics.dropped += 1
      }
      return finish()
    }
    phase = .entries(pageSize: pageSize, pending: Array(pages.dropFirst()))
    return .request(page)
  }

  private var refreshed: Set<String> = []

  private mutating func receiveEntries(_ answer: EntrySyncAnswer) throws(AgentError) -> Action {
    guard case .entries(let pageSize, let pending) = phase else { return .read }
    guard answer.revisions.isEmpty else {
      throw AgentError(.malformed, "unexpected entry revisions in the response while entries are fetched")
    }
    warnings += answer.entries.malformed
    for entry in answer.entries.entries where listed[entry.id] != nil {
      entries[entry.id] = entry
      refreshed.insert(entry.id)
    }
    return answer.more ? .read : next(of: pending[...], pageSize: pageSize)
  }

  private mutating func finish() -> Action {
    statistics.total = entries.count
    phase = .finished
    return .finish
  }
}
