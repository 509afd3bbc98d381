import DatastoreAPI
import SPIFFE
import TestDatabases
import Testing

@testable import SQLDatastore

/// The columns' collation takes `A` for `a`, `é` for `e` and `x ` for `x`. Identities, selectors and tokens must not.
@Suite struct MySQLExactnessTests {
  private func run(_ body: (SQLDatastore) async throws -> Void) async throws { try await TestEngine.mariaDB.run(body) }

  private func paths(_ filter: EntryFilter, _ datastore: SQLDatastore) async throws -> [String] {
    let entries = try await datastore.listEntries(filter)
    let count = try await datastore.countEntries(filter)
    #expect(count == entries.count)
    return entries.map(\.spiffeID.path)
  }

  @Test func identitiesThatDifferInCase() async throws {
    try await run { datastore in
      let (upper, lower) = (try entry("/Web", "unix:uid:1"), try entry("/web", "unix:uid:1"))
      var other = lower
      other.parentID = try id("/HOST")
      let created = try await datastore.createEntries([upper, lower, other, lower]).map { try $0.get() }
      // The last one is the second; the others are not the same entry as any.
      #expect(created.map(\.existing) == [false, false, false, true])
      #expect(created[3].entry.id == created[1].entry.id)
      let again = try await datastore.createEntries([lower, upper, other]).map { try $0.get() }
      #expect(again.map(\.existing) == [true, true, true])
      #expect(again.map(\.entry.id) == [1, 0, 2].map { created[$0].entry.id })
      #expect(try await paths(EntryFilter(spiffeID: id("/Web")), datastore) == ["/Web"])
      #expect(try await paths(EntryFilter(spiffeID: id("/WEB")), datastore) == [])
      #expect(try await paths(EntryFilter(parentID: id("/HOST")), datastore) == ["/web"])
      #expect(try await paths(EntryFilter(parentID: id("/host")), datastore) == ["/Web", "/web"])
    }
  }

  @Test func hintsAndEntryIDs() async throws {
    try await run { datastore in
      var one = try entry("/a", "a:1", id: "Entry")
      one.hint = "Café"
      _ = try await datastore.createEntry(one)
      for hint in ["cafe", "café", "Café "] {
        #expect(try await paths(EntryFilter(hint: hint), datastore) == [])
      }
      #expect(try await paths(EntryFilter(hint: "Café"), datastore) == ["/a"])
      let wrong = try await datastore.fetchEntries(ids: ["entry", "ENTRY", "Entry "])
      #expect(wrong == [])
      let right = try await datastore.fetchEntries(ids: ["entry", "Entry"])
      #expect(right.map(\.id) == ["Entry"])
      let missing = await failure { _ = try await datastore.deleteEntry(id: "entry") }
      #expect(missing?.code == .notFound)
      // The index takes them for the same: refused, not confused.
      let taken = await failure { _ = try await datastore.createEntry(entry("/b", "a:1", id: "entry")) }
      #expect(taken?.code == .alreadyExists)
    }
  }

  @Test func selectors() async throws {
    try await run { datastore in
      _ = try await datastore.createEntries([
        entry("/upper", "unix:user:Root"), entry("/lower", "unix:user:root"), entry("/blank", "unix:user:root "),
        entry("/both", "unix:user:Root", "unix:uid:0"),
      ])
      func match(_ match: SetMatch, _ selectors: String...) -> EntryFilter {
        EntryFilter(selectors: SelectorFilter(selectors.map(selector), match: match))
      }
      #expect(try await paths(match(.exact, "unix:user:root"), datastore) == ["/lower"])
      #expect(try await paths(match(.exact, "unix:user:Root"), datastore) == ["/upper"])
      #expect(try await paths(match(.superset, "unix:user:Root"), datastore) == ["/upper", "/both"])
      #expect(try await paths(match(.any, "unix:user:root ", "unix:user:ROOT"), datastore) == ["/blank"])
      #expect(try await paths(match(.subset, "unix:user:root", "unix:uid:0"), datastore) == ["/lower"])
      #expect(try await paths(match(.superset, "UNIX:user:Root"), datastore) == [])
      let two = await failure {
        _ = try await datastore.createEntry(entry("/two", "unix:user:a", "unix:user:A"))
      }
      #expect(two?.code == .alreadyExists)
      #expect(two?.message.contains("differ only in case, accents or blanks at the end") == true)
      #expect(try await paths(EntryFilter(spiffeID: id("/two")), datastore) == [])
    }
  }

  @Test func agents() async throws {
    try await run { datastore in
      var node = try agent("/Node")
      node.attestationType = "x509pop"
      _ = try await datastore.createAgent(node)
      try await datastore.setNodeSelectors([selector("a:B")], of: node.id)
      #expect(try await datastore.fetchAgent(id: id("/node")) == nil)
      #expect(try await datastore.nodeSelectors(of: id("/node")) == [])
      #expect(try await datastore.nodeSelectors(of: node.id) == [selector("a:B")])
      #expect(try await datastore.listAgents(AgentFilter(attestationType: "X509POP")).isEmpty)
      let filter = AgentFilter(selectors: SelectorFilter([selector("a:b")], match: .any))
      #expect(try await datastore.listAgents(filter).isEmpty)
      let deleted = await failure { _ = try await datastore.deleteAgent(id: id("/NODE")) }
      #expect(deleted?.code == .notFound)
      let taken = await failure { _ = try await datastore.createAgent(agent("/node")) }
      #expect(taken?.code == .alreadyExists)
      try await datastore.setNodeSelectors([], of: id("/NODE"))
      #expect(try await datastore.nodeSelectors(of: node.id) == [selector("a:B")])
    }
  }

  @Test func joinTokens() async throws {
    try await run { datastore in
      try await datastore.createJoinToken(JoinToken(value: "Token", expiresAt: 100))
      for token in ["token", "TOKEN", "Token ", "Tokén"] {
        #expect(try await datastore.fetchJoinToken(token) == nil)
        #expect(try await datastore.consumeJoinToken(token) == nil)
        let error = await failure { try await datastore.deleteJoinToken(token) }
        #expect(error?.code == .notFound)
      }
      #expect(try await datastore.consumeJoinToken("Token") != nil)
    }
  }

  @Test func charactersThatTheTablesCannotKeepAreRefused() async throws {
    try await run { datastore in
      _ = try await datastore.createEntry(entry("/kept", "unix:user:żółć", "unix:user:漢字"))
      let results = try await datastore.createEntries([
        entry("/one", "a:1"), entry("/two", "unix:user:a😀b"), entry("/three", "a:3"),
      ])
      #expect(results.map { $0.error?.code } == [nil, .invalidArgument, nil])
      #expect(results[1].error?.message.contains("no characters beyond U+FFFF") == true)
      let filter = EntryFilter(selectors: SelectorFilter([selector("unix:user:a😀b")], match: .any))
      let unknown = await failure { _ = try await datastore.listEntries(filter) }
      #expect(unknown?.code == .invalidArgument)
      let entries = try await datastore.listEntries()
      #expect(entries.map(\.spiffeID.path) == ["/kept", "/one", "/three"])
      #expect(entries[0].selectors == [selector("unix:user:żółć"), selector("unix:user:漢字")])
      let long = await failure {
        _ = try await datastore.createEntry(entry("/long", "a:" + String(repeating: "x", count: 256)))
      }
      #expect(long?.code == .invalidArgument && long?.message.contains("255 characters") == true)
      let most = try await datastore.createEntry(entry("/most", "a:" + String(repeating: "漢", count: 255)))
      #expect(try await datastore.fetchEntry(id: most.entry.id) == most.entry)
    }
  }
}
