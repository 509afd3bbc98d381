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

  package func pruneCAJournals(allExpiredBefore time: Int64) async throws(DatastoreError) -> Int {
    try await write(["ca_journal", "prune"]) { (transaction) throws(DatastoreError) in
      var count = 0
      for journal in try transaction.selectCAJournals(SQLCondition()) {
        guard let entries = try? JournalEntries(serializedBytes: journal.data) else {
          transaction.logger.error(
            "CA journal cannot be read and is kept", metadata: ["ca_journal_id": "\(journal.id)"])
          continue
        }
        guard entries.x509Cas.allSatisfy({ $0.notAfter < time }), entries.jwtKeys.allSatisfy({ $0.notAfter < time })
        else { continue }
        try transaction.deleteCAJournal(journal.id)
        count += 1
      }
      return count
    }
  }
}
