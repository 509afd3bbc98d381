import DatastoreAPI
import Mutations
import SPIFFE
import Testing

@testable import Server

/// A model that is built at once is the one that is built entry by entry.
@Suite struct EntryModelBuilderTests {
  /// Entries of few IDs, parents and paths, some of which come again, become aliases, administrators or reserved paths.
  private static func entries(_ count: Int, domain: TrustDomain, _ random: inout SplitMix64) -> [RegistrationEntry] {
    let paths = ["/a", "/b", "/c", "/spire/agent/x", "/spire/agent/y", "/spire/server"]
    return (0..<count).map { _ in
      func id() -> SPIFFEID { try! SPIFFEID(trustDomain: domain, path: paths.randomElement(using: &random)!) }
      var entry = RegistrationEntry(
        id: "e\(Int.random(in: 0..<count, using: &random))", spiffeID: id(), parentID: id(),
        selectors: EntryModelTests.selectors("\(Int.random(in: 0..<3, using: &random))"))
      entry.admin = Int.random(in: 0..<4, using: &random) == 0
      entry.downstream = Int.random(in: 0..<4, using: &random) == 0
      return entry
    }
  }

  private static func expectSame(_ built: EntryModel, _ set: EntryModel, domain: TrustDomain, _ comment: Comment) {
    #expect(built.entries.sorted { $0.id < $1.id } == set.entries.sorted { $0.id < $1.id }, comment)
    #expect(built.aliasCount == set.aliasCount && built.entryCount == set.entryCount, comment)
    #expect(built.hasParentsAmongEntries == set.hasParentsAmongEntries, comment)
    for path in ["/a", "/b", "/c", "/spire/agent/x", "/spire/agent/y", "/spire/server"] {
      let id = try! SPIFFEID(trustDomain: domain, path: path)
      #expect(built.isAdmin(id) == set.isAdmin(id) && built.isDownstream(id) == set.isDownstream(id), comment)
      #expect(
        Set(built.authorizedEntries(for: id).map(\.id)) == Set(set.authorizedEntries(for: id).map(\.id)), comment)
    }
  }

  @Test(arguments: ["example.org", "a-longer-name.production.example.org"])
  func equalsAModelOfSingleEntries(name: String) throws {
    let domain = try TrustDomain(name)
    for seed in 0..<60 as Range<UInt64> {
      var random = SplitMix64(seed: seed)
      let entries = Self.entries(Int.random(in: 0..<200, using: &random), domain: domain, &random)
      var builder = EntryModelBuilder()
      for page in stride(from: 0, to: entries.count, by: 30) {
        builder.add(Array(entries[page..<min(page + 30, entries.count)]))
      }
      var (built, set) = (builder.build(), EntryModel())
      for entry in entries { set.set(entry, id: entry.id) }
      let agent = try SPIFFEID(trustDomain: domain, path: "/spire/agent/x")
      built.setSelectors(EntryModelTests.selectors("0", "1"), ofAgent: agent)
      set.setSelectors(EntryModelTests.selectors("0", "1"), ofAgent: agent)
      Self.expectSame(built, set, domain: domain, "seed \(seed)")
      // And stays it.
      for entry in Self.entries(40, domain: domain, &random) {
        let change = Bool.random(using: &random) ? entry : nil
        built.set(change, id: entry.id)
        set.set(change, id: entry.id)
      }
      Self.expectSame(built, set, domain: domain, "changed, seed \(seed)")
      for entry in set.entries {
        built.set(nil, id: entry.id)
        set.set(nil, id: entry.id)
      }
      Self.expectSame(built, set, domain: domain, "emptied, seed \(seed)")
      #expect(built.entryCount == 0 && !built.hasParentsAmongEntries)
    }
  }

  @Test func manyChildrenOfOneParentKeepTheirOrder() {
    let entries = (0..<1000).map { EntryModelTests.entry("\($0)", "/w\($0)", parent: "/spire/agent/x") }
    let model = EntryModel(entries: entries)
    #expect(model.authorizedEntries(for: EntryModelTests.id("/spire/agent/x")).map(\.id) == entries.map(\.id))
  }
}
