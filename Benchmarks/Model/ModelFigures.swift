import DatastoreAPI
import SPIFFE
import Server

/// Building the model, asking it, and changing it while somebody holds a copy.
enum ModelFigures {
  private static let domain = "example.org"

  private static func id(_ path: String) throws -> SPIFFEID { try SPIFFEID("spiffe://\(domain)\(path)") }

  /// As they come from a database: every text in memory of its own.
  private static func entry(_ number: Int, agents: Int) throws -> RegistrationEntry {
    var hex = String(number, radix: 16)
    hex = String(repeating: "0", count: 12 - hex.count) + hex
    return RegistrationEntry(
      id: "6f1c5a52-9c3d-4c0e-8a6e-\(hex)", spiffeID: try id("/ns/namespace-\(number % 500)/sa/workload-\(number)"),
      parentID: try id("/spire/agent/k8s_psat/cluster/\(number % agents)"),
      selectors: [
        Selector(type: "k8s", value: "ns:namespace-\(number % 500)"),
        Selector(type: "k8s", value: "sa:workload-\(number)"),
      ], createdAt: 1_790_000_000)
  }

  /// A page at a time, and each page forgotten, as the keeper reads a database; the seconds of processor time that the
  /// model took of it.
  private static func build(_ count: Int, _ agents: Int) throws -> (EntryModel, seconds: Double) {
    var builder = EntryModelBuilder()
    var seconds = 0.0
    for start in stride(from: 0, to: count, by: 1000) {
      let page = try (start..<min(start + 1000, count)).map { try entry($0, agents: agents) }
      let began = Usage.cpu
      builder.add(page)
      seconds += Usage.cpu - began
    }
    let began = Usage.cpu
    let model = builder.build()
    seconds += Usage.cpu - began
    precondition(model.entryCount == count)
    return (model, seconds)
  }

  static func many(entries count: Int, agents: Int) throws -> [Figure] {
    // The first one while the process is small. All are kept: taking one apart is no part of building it.
    let before = Usage.memory
    var (model, first) = try build(count, agents)
    let memory = Double(Usage.memory - before) / Double(count)
    var kept: [EntryModel] = []
    var times = [first]
    for _ in 0..<4 {
      let (another, seconds) = try build(count, agents)
      kept.append(another)
      times.append(seconds)
    }
    let entries = try (0..<count).map { try entry($0, agents: agents) }
    withExtendedLifetime(kept) {}
    let median = times.sorted()[2]
    let ids = try (0..<1000).map { try id("/spire/agent/k8s_psat/cluster/\($0 * 7919 % agents)") }
    let expected = count / agents
    let lookup = Usage.microseconds(steps: 20_000) {
      precondition(model.authorizedEntries(for: ids[$0 % ids.count]).count == expected)
    }
    // Each change while a reader holds the model as it was before.
    let change = Usage.microseconds(steps: 2000) { step in
      let copy = model
      let entry = entries[step * 7919 % count]
      model.set(entry, id: entry.id)
      precondition(copy.entryCount == model.entryCount)
    }
    return [
      Figure("build_ms", median * 1000 * 100_000 / Double(count)), Figure("entry_bytes", memory),
      Figure("lookup_us", lookup), Figure("change_us", change),
    ]
  }

  /// Two aliases, three hundred entries below each, and many agents that have the one or the other.
  static func upstreamsFixture(agents count: Int) throws -> [Figure] {
    var entries: [RegistrationEntry] = []
    for alias in 1...2 {
      entries.append(
        RegistrationEntry(
          id: "alias\(alias)", spiffeID: try id("/alias\(alias)"), parentID: try id("/spire/server"),
          selectors: [Selector(type: "static", value: "static-\(alias)")]))
      for number in 0..<300 {
        entries.append(
          RegistrationEntry(
            id: "alias\(alias)_workload\(number)", spiffeID: try id("/workload\(number)"),
            parentID: try id("/alias\(alias)"), selectors: [Selector(type: "unix", value: "uid:\(number)")]))
      }
    }
    let agents = try (0..<count).map { try id("/spire/agent/\($0)") }
    let selectors = Dictionary(
      uniqueKeysWithValues: agents.enumerated().map { ($1, [Selector(type: "static", value: "static-\(1 + $0 % 2)")]) })
    var built: [EntryModel] = []
    let build = Usage.microseconds(rounds: 3, steps: 1) { _ in
      built.append(EntryModel(entries: entries, agentSelectors: selectors))
    }
    precondition(built.allSatisfy { $0.agentCount == count })
    let model = EntryModel(entries: entries, agentSelectors: selectors)
    let lookup = Usage.microseconds(steps: 20_000) {
      precondition(model.authorizedEntries(for: agents[$0 * 7919 % count]).count == 300)
    }
    let walk = Usage.microseconds(steps: 500) {
      var admins = 0
      for entry in model.authorizedEntries(for: agents[$0 % count]) where entry.admin { admins += 1 }
      precondition(admins == 0)
    }
    return [
      Figure("fixture_build_ms", build / 1000), Figure("fixture_lookup_us", lookup), Figure("fixture_walk_us", walk),
    ]
  }
}
