import DatastoreAPI
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import SQLDatastore

@Suite struct CAJournalContractTests {
  @Test(arguments: TestEngine.all) func keepsJournals(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let first = try await datastore.setCAJournal(CAJournal(data: [1], activeX509AuthorityID: "a"))
      #expect(first.id == 1)
      let changed = CAJournal(id: first.id, data: [], activeX509AuthorityID: "b")
      _ = try await datastore.setCAJournal(changed)
      let old = try await datastore.fetchCAJournal(activeX509AuthorityID: "a")
      #expect(old == nil)
      let fetched = try await datastore.fetchCAJournal(activeX509AuthorityID: "b")
      #expect(fetched == changed)
      let unknown = await failure {
        _ = try await datastore.setCAJournal(CAJournal(id: 9, data: [], activeX509AuthorityID: "x"))
      }
      #expect(unknown?.code == .notFound)
      try await datastore.deleteCAJournal(id: first.id)
      try await datastore.deleteCAJournal(id: first.id)
      let gone = try await datastore.fetchCAJournal(activeX509AuthorityID: "b")
      #expect(gone == nil)
      let empty = await failure { _ = try await datastore.fetchCAJournal(activeX509AuthorityID: "") }
      #expect(empty?.code == .invalidArgument)
    }
  }

  @Test(arguments: TestEngine.all) func prunes(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      func journal(_ x509: Int64, _ jwt: Int64) throws -> [UInt8] {
        try JournalEntries.with {
          $0.x509Cas = [.with { $0.notAfter = 1 }, .with { $0.notAfter = x509 }]
          $0.jwtKeys = [.with { $0.notAfter = jwt }]
        }.serializedBytes()
      }
      for (data, name) in [
        (try journal(99, 99), "old"), (try journal(100, 1), "x509"), (try journal(1, 100), "jwt"), ([0xFF], "damaged"),
      ] { _ = try await datastore.setCAJournal(CAJournal(data: data, activeX509AuthorityID: name)) }
      let pruned = try await datastore.pruneCAJournals(allExpiredBefore: 100)
      #expect(pruned == 1)
      let rest = try await datastore.listCAJournals().map(\.activeX509AuthorityID)
      #expect(rest == ["x509", "jwt", "damaged"])
    }
  }

  @Test(arguments: TestEngine.all) func prunesMany(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let (old, new) = try (
        JournalEntries.with { $0.x509Cas = [.with { $0.notAfter = 1 }] }.serializedBytes() as [UInt8],
        JournalEntries.with { $0.x509Cas = [.with { $0.notAfter = 100 }] }.serializedBytes() as [UInt8]
      )
      for number in 0..<250 {
        let journal = CAJournal(data: number.isMultiple(of: 50) ? new : old, activeX509AuthorityID: "\(number)")
        _ = try await datastore.setCAJournal(journal)
      }
      let pruned = try await datastore.pruneCAJournals(allExpiredBefore: 50)
      #expect(pruned == 245)
      let rest = try await datastore.listCAJournals().map(\.activeX509AuthorityID)
      #expect(rest == ["0", "50", "100", "150", "200"])
      let again = try await datastore.pruneCAJournals(allExpiredBefore: 50)
      #expect(again == 0)
    }
  }
}
