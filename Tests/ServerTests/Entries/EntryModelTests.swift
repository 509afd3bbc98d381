import DatastoreAPI
import Mutations
import SPIFFE
import Testing

@testable import Server

/// What an agent may serve (server-behaviour §6.4).
@Suite struct EntryModelTests {
  static let domain = try! TrustDomain("example.org")

  static func id(_ path: String) -> SPIFFEID { try! SPIFFEID(trustDomain: domain, path: path) }

  static func entry(
    _ id: String, _ path: String, parent: String, selectors: [Selector] = [Selector(type: "unix", value: "uid:1")]
  ) -> RegistrationEntry {
    RegistrationEntry(id: id, spiffeID: Self.id(path), parentID: Self.id(parent), selectors: selectors)
  }

  static func selectors(_ values: String...) -> [Selector] { values.map { Selector(type: "t", value: $0) } }

  private func ids(_ model: EntryModel, _ agent: String) -> Set<String> {
    Set(model.authorizedEntries(for: Self.id(agent)).map(\.id))
  }

  @Test func childrenAndTheirDescendants() {
    let model = EntryModel(entries: [
      Self.entry("1", "/host", parent: "/spire/agent/a"),
      Self.entry("2", "/web", parent: "/host"),
      Self.entry("3", "/db", parent: "/web"),
      Self.entry("4", "/other", parent: "/spire/agent/b"),
    ])
    #expect(ids(model, "/spire/agent/a") == ["1", "2", "3"])
    #expect(ids(model, "/spire/agent/b") == ["4"])
    #expect(ids(model, "/spire/agent/c") == [])
  }

  @Test func parentsFirstAndSiblingsInTheirOrder() {
    let model = EntryModel(entries: [
      Self.entry("1", "/a", parent: "/spire/agent/x"),
      Self.entry("2", "/b", parent: "/spire/agent/x"),
      Self.entry("3", "/a/child", parent: "/a"),
    ])
    #expect(model.authorizedEntries(for: Self.id("/spire/agent/x")).map(\.id) == ["1", "2", "3"])
  }

  @Test func cyclesAndSelfParentsEnd() {
    let model = EntryModel(entries: [
      Self.entry("1", "/a", parent: "/spire/agent/x"),
      Self.entry("2", "/b", parent: "/a"),
      Self.entry("3", "/a", parent: "/b"),
      Self.entry("4", "/self", parent: "/b"),
      Self.entry("5", "/self", parent: "/self"),
    ])
    let entries = model.authorizedEntries(for: Self.id("/spire/agent/x")).map(\.id)
    #expect(entries.count == 5)
    #expect(Set(entries) == ["1", "2", "3", "4", "5"])
  }

  @Test func aDeepChainNeedsNoStack() {
    var entries = [Self.entry("0", "/n0", parent: "/spire/agent/x")]
    for n in 1..<50_000 { entries.append(Self.entry("\(n)", "/n\(n)", parent: "/n\(n - 1)")) }
    #expect(EntryModel(entries: entries).authorizedEntries(for: Self.id("/spire/agent/x")).count == 50_000)
  }

  @Test func twoEntriesWithOnePathAreVisitedOnce() {
    let model = EntryModel(entries: [
      Self.entry("1", "/host", parent: "/spire/agent/a"),
      Self.entry("2", "/host", parent: "/spire/agent/a", selectors: Self.selectors("x")),
      Self.entry("3", "/web", parent: "/host"),
    ])
    #expect(model.authorizedEntries(for: Self.id("/spire/agent/a")).map(\.id).sorted() == ["1", "2", "3"])
  }

  @Test func anAliasNeedsAllItsSelectors() {
    var model = EntryModel(entries: [
      Self.entry("alias", "/cluster", parent: "/spire/server", selectors: Self.selectors("a", "b")),
      Self.entry("1", "/web", parent: "/cluster"),
      Self.entry("2", "/db", parent: "/web"),
    ])
    let agent = Self.id("/spire/agent/x")
    #expect(ids(model, "/spire/agent/x") == [])
    model.setSelectors(Self.selectors("a"), ofAgent: agent)
    #expect(ids(model, "/spire/agent/x") == [])
    model.setSelectors(Self.selectors("c", "b", "a"), ofAgent: agent)
    // The alias itself is not served.
    #expect(ids(model, "/spire/agent/x") == ["1", "2"])
    model.setSelectors([], ofAgent: agent)
    #expect(ids(model, "/spire/agent/x") == [])
  }

  @Test func severalAliasesShareASelector() {
    let model = EntryModel(
      entries: [
        Self.entry("a1", "/one", parent: "/spire/server", selectors: Self.selectors("a")),
        Self.entry("a2", "/two", parent: "/spire/server", selectors: Self.selectors("a", "b")),
        Self.entry("1", "/x", parent: "/one"),
        Self.entry("2", "/y", parent: "/two"),
      ],
      agentSelectors: [
        Self.id("/spire/agent/p"): Self.selectors("a"), Self.id("/spire/agent/q"): Self.selectors("a", "b"),
      ])
    #expect(ids(model, "/spire/agent/p") == ["1"])
    #expect(ids(model, "/spire/agent/q") == ["1", "2"])
    #expect(model.aliasCount == 2)
  }

  @Test func changesMoveEntries() {
    var model = EntryModel(entries: [
      Self.entry("1", "/host", parent: "/spire/agent/a"), Self.entry("2", "/web", parent: "/host"),
    ])
    let before = model
    model.apply(entries: [Self.entry("2", "/web", parent: "/spire/agent/b")])
    #expect(ids(model, "/spire/agent/a") == ["1"])
    #expect(ids(model, "/spire/agent/b") == ["2"])
    // A copy that a reader holds does not change.
    #expect(ids(before, "/spire/agent/a") == ["1", "2"])
    model.apply(entries: [], removed: ["2", "unknown"])
    #expect(ids(model, "/spire/agent/b") == [])
    #expect(model.entryCount == 1)
    model.apply(entries: [Self.entry("1", "/cluster", parent: "/spire/server", selectors: Self.selectors("a"))])
    #expect(ids(model, "/spire/agent/a") == [])
    #expect(model.aliasCount == 1)
    model.apply(entries: [], removed: ["1"])
    #expect(model.aliasCount == 0)
  }

  @Test func onlyAuthorizedEntriesAreFoundByID() {
    let model = EntryModel(entries: [
      Self.entry("1", "/host", parent: "/spire/agent/a"), Self.entry("2", "/other", parent: "/spire/agent/b"),
    ])
    let found = model.authorizedEntries(for: Self.id("/spire/agent/a"), ids: ["1", "2", "3"])
    #expect(Array(found.keys) == ["1"])
  }

  /// The indexed walk agrees with the definition, for random graphs.
  @Test(arguments: 0..<40) func agreesWithTheDefinition(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let paths = (0..<12).map { "/p\($0)" }
    var entries: [RegistrationEntry] = []
    for n in 0..<40 {
      let parent =
        [paths.randomElement(using: &random)!, "/spire/agent/x", "/spire/server"].randomElement(using: &random)!
      let count = Int.random(in: 1...3, using: &random)
      let selectors = (0..<count).map { _ in Selector(type: "t", value: "\(Int.random(in: 0..<5, using: &random))") }
      entries.append(
        Self.entry("\(n)", paths.randomElement(using: &random)!, parent: parent, selectors: Array(Set(selectors))))
    }
    let node = Set((0..<3).map { _ in Selector(type: "t", value: "\(Int.random(in: 0..<5, using: &random))") })
    let agent = Self.id("/spire/agent/x")

    var reached: Set<String> = ["/spire/agent/x"]
    for alias in entries where alias.parentID.path == "/spire/server" && node.isSuperset(of: alias.selectors) {
      reached.insert(alias.spiffeID.path)
    }
    var expected: Set<String> = []
    while true {
      let more = entries.filter {
        $0.parentID.path != "/spire/server" && reached.contains($0.parentID.path) && !expected.contains($0.id)
      }
      if more.isEmpty { break }
      for entry in more {
        expected.insert(entry.id)
        reached.insert(entry.spiffeID.path)
      }
    }

    // In any order, and after changes that cancel each other out.
    var model = EntryModel(entries: entries.shuffled(using: &random), agentSelectors: [agent: Array(node)])
    let some = entries.shuffled(using: &random).prefix(10)
    model.apply(entries: [], removed: some.map(\.id))
    model.apply(entries: Array(some))
    let result = model.authorizedEntries(for: agent).map(\.id)
    #expect(Set(result) == expected)
    #expect(result.count == expected.count)
  }
}

extension EntryModelTests {
  // MARK: Copies

  /// What two copies do not share of all that the newer one holds.
  private func copied(_ old: EntryModel, _ new: EntryModel) -> (copied: Int, all: Int) {
    (new.places.subtracting(old.places).count, new.places.count)
  }

  private func large() -> EntryModel {
    var entries: [RegistrationEntry] = []
    for n in 0..<8000 { entries.append(Self.entry("e\(n)", "/w\(n)", parent: "/spire/agent/\(n / 10)")) }
    for n in 0..<3000 { entries.append(Self.entry("c\(n)", "/c\(n)", parent: "/cluster")) }
    let alias = Self.entry("alias", "/cluster", parent: "/spire/server", selectors: Self.selectors("a"))
    let agents = Dictionary(
      uniqueKeysWithValues: (0..<800).map { (Self.id("/spire/agent/\($0)"), Self.selectors("a", "n\($0)")) })
    return EntryModel(entries: entries + [alias], agentSelectors: agents)
  }

  @Test func aChangeCopiesOnlyWhatItTouches() {
    var model = large()
    let before = model
    #expect(copied(before, model).copied == 0)
    // One chunk by ID, one of the families, and one of the siblings.
    model.set(Self.entry("e77", "/changed", parent: "/spire/agent/7"), id: "e77")
    let one = copied(before, model)
    #expect(one.all > 3000)
    #expect(1...3 ~= one.copied, "\(one)")
    #expect(before.entry(id: "e77")?.spiffeID.path == "/w77")
    #expect(model.entry(id: "e77")?.spiffeID.path == "/changed")

    // Among thousands of siblings as well, and for what is new or goes.
    model.set(Self.entry("c1500", "/changed", parent: "/cluster"), id: "c1500")
    model.set(Self.entry("new", "/new", parent: "/cluster"), id: "new")
    model.set(nil, id: "c2000")
    model.setSelectors(Self.selectors("b"), ofAgent: Self.id("/spire/agent/5"))
    model.set(nil, id: "unknown")
    model.setSelectors([], ofAgent: Self.id("/spire/agent/unknown"))
    let all = copied(before, model)
    #expect(5...14 ~= all.copied, "\(all)")
    #expect(before.authorizedEntries(for: Self.id("/spire/agent/5")).count == 3010)
    #expect(model.authorizedEntries(for: Self.id("/spire/agent/5")).count == 10)
    #expect(model.authorizedEntries(for: Self.id("/spire/agent/6")).count == 3010)
  }

  @Test func withoutACopyAChangeCopiesNothing() {
    var model = large()
    let before = model.places
    model.set(Self.entry("c1500", "/changed", parent: "/cluster"), id: "c1500")
    model.set(Self.entry("e77", "/changed", parent: "/spire/agent/7"), id: "e77")
    #expect(model.places == before)
  }

  @Test func manySiblingsKeepTheirOrder() {
    var random = SplitMix64(seed: 7)
    let entries = (0..<2000).map { Self.entry("\($0)", "/n\($0)", parent: "/spire/agent/x") }
    var model = EntryModel(entries: entries)
    // Those that change keep their place; those that come back are last.
    for entry in entries.shuffled(using: &random).prefix(500) { model.set(entry, id: entry.id) }
    #expect(model.authorizedEntries(for: Self.id("/spire/agent/x")).map(\.id) == entries.map(\.id))
    let gone = entries.shuffled(using: &random).prefix(1990)
    model.apply(entries: [], removed: gone.map(\.id))
    let left = entries.map(\.id).filter { !Set(gone.map(\.id)).contains($0) }
    #expect(model.authorizedEntries(for: Self.id("/spire/agent/x")).map(\.id) == left)
    model.apply(entries: Array(gone))
    #expect(model.authorizedEntries(for: Self.id("/spire/agent/x")).map(\.id) == left + gone.map(\.id))
    model.apply(entries: [], removed: entries.map(\.id))
    #expect(model.authorizedEntries(for: Self.id("/spire/agent/x")).isEmpty)
    #expect(model.places.isEmpty)
  }

  @Test func reservedPathsHaveChildrenToo() {
    // Nobody can make such an entry today, but a database may have one.
    var model = EntryModel(entries: [
      Self.entry("1", "/spire/agent/b", parent: "/spire/agent/a"), Self.entry("2", "/web", parent: "/spire/agent/b"),
    ])
    #expect(ids(model, "/spire/agent/a") == ["1", "2"])
    model.set(nil, id: "1")
    #expect(ids(model, "/spire/agent/a") == [])
    model.set(Self.entry("3", "/spire/agent/b", parent: "/spire/agent/a"), id: "3")
    #expect(ids(model, "/spire/agent/a") == ["3", "2"])
  }

  @Test func parentsComeAndGo() {
    var model = EntryModel(entries: [Self.entry("1", "/a", parent: "/spire/agent/x")])
    for round in 0..<3 {
      model.apply(entries: (0..<100).map { Self.entry("d\($0)", "/d\($0)", parent: $0 == 0 ? "/a" : "/d\($0 - 1)") })
      #expect(model.authorizedEntries(for: Self.id("/spire/agent/x")).count == 101, "round \(round)")
      let found = model.authorizedEntries(for: Self.id("/spire/agent/x"), ids: ["1", "d0", "d99"])
      #expect(found.keys.sorted() == ["1", "d0", "d99"])
      model.apply(entries: [], removed: (0..<100).map { "d\($0)" })
      #expect(ids(model, "/spire/agent/x") == ["1"])
    }
  }
}
