package import DatastoreAPI
import Logging
import SPIREProtos
import SwiftProtobuf

extension SQLDatastore: CAJournalStore {
  package func setCAJournal(_ journal: CAJournal) async throws(DatastoreError) -> CAJournal {
    try await write(["ca_journal", "set"]) { (transaction) throws(DatastoreError) in
      var stored = journal
      if journal.id == 0 {
        stored.id = try transaction.insertCAJournal(journal)
      } else if try !transaction.updateCAJournal(journal) {
        throw .recordNotFound
      }
      return stored
    }
  }

  package func fetchCAJournal(activeX509AuthorityID id: String) async throws(DatastoreError) -> CAJournal? {
    try await read(["ca_journal", "fetch"]) { (transaction) throws(DatastoreError) in
      guard !id.isEmpty else { throw .validation("active X509 authority ID is required") }
      var condition = SQLCondition()
      condition.and("active_x509_authority_id = ?", [.text(id)])
      return try transaction.selectCAJournals(condition).first
    }
  }

  package func listCAJournals() async throws(DatastoreError) -> [CAJournal] {
    try await read(["ca_journal", "fetch"]) { (transaction) throws(DatastoreError) in
      try transaction.selectCAJournals(SQLCondition())
    }
  }

  package func deleteCAJournal(id: Int64) async throws(DatastoreError) {
    try await write(["ca_journal", "prune"]) { (transaction) throws(DatastoreError) in
      try transaction.deleteCAJournal(id)
    }
  }

  package func pruneCAJournals(allExpiredBefore time: Int64) async throws(DatastoreError) -> Int {
    var (count, last): (Int, Int64) = (0, 0)
    while true {
      let page = try await readUncounted { [last] (transaction) throws(DatastoreError) in
        try transaction.selectCAJournals(after: last, limit: Self.journalPage)
      }
      var stale: [Int64] = []
      for journal in page where isStale(journal, at: time) { stale.append(journal.id) }
      // Counted once, however little there is to do.
      if !stale.isEmpty || last == 0 { count += try await deleteCAJournals(stale, allExpiredBefore: time) }
      guard page.count == Self.journalPage, let end = page.last else { return count }
      last = end.id
    }
  }

  /// Journals hold up to some dozen certificates each.
  private static let journalPage = 100

  /// Looks again before it deletes: a server that came back may have written its journal meanwhile.
  private func deleteCAJournals(_ ids: [Int64], allExpiredBefore time: Int64) async throws(DatastoreError) -> Int {
    try await write(["ca_journal", "prune"]) { (transaction) throws(DatastoreError) in
      var count = 0
      for id in ids {
        var condition = SQLCondition()
        condition.and("id = ?", [.integer(id)])
        guard let journal = try transaction.selectCAJournals(condition, lock: true).first,
          Self.state(of: journal, at: time) == .stale
        else { continue }
        try transaction.deleteCAJournal(id)
        count += 1
      }
      return count
    }
  }

  private func isStale(_ journal: CAJournal, at time: Int64) -> Bool {
    switch Self.state(of: journal, at: time) {
    case .stale: return true
    case .inUse: return false
    case .unreadable:
      logger.error("CA journal cannot be read and is kept", metadata: ["ca_journal_id": "\(journal.id)"])
      return false
    }
  }

  private enum JournalState { case stale, inUse, unreadable }

  private static func state(of journal: CAJournal, at time: Int64) -> JournalState {
    guard let entries = try? JournalEntries(serializedBytes: journal.data) else { return .unreadable }
    let isStale =
      entries.x509Cas.allSatisfy { $0.notAfter < time } && entries.jwtKeys.allSatisfy { $0.notAfter < time }
    return isStale ? .stale : .inUse
  }
}
