import Daemon
import DatastoreAPI
import FoundationEssentials
import SPIFFE

/// Finds out, for one call of the Explain service, whom entries reach and what is odd about them.
///
/// A value that lives as long as the call; it remembers what it has looked up. Everything it looks at and returns is
/// bounded, whatever the number of entries and agents.
struct Explainer: Sendable {
  /// Items of a list in an answer.
  static let listLimit = 10
  /// IDs for which similar ones are looked for.
  private static let suggestionLimit = 20
  /// Agents whose IDs are compared with a mistyped one.
  private static let agentLimit = 10_000

  let server: ServerParts
  let now: Date
  let lookup: EntryLookup
  private var reaches: [SPIFFEID: Reach] = [:]
  private var knownPaths: [String]?
  private var suggestions: [String: [String]] = [:]

  init(_ server: ServerParts, changed: [RegistrationEntry] = []) {
    self.server = server
    now = server.time.now
    lookup = EntryLookup(server.datastore, changed: changed)
  }

  var unixNow: Int64 { Int64(now.timeIntervalSince1970) }

  /// The agents that receive `entry`.
  mutating func reach(of entry: RegistrationEntry) async throws(DatastoreError) -> Reach {
    // All entries of one parent reach the same agents; node aliases have the server for a parent and each their own.
    if entry.isNodeAlias { return try await Reach.of(entry, in: lookup) }
    if let reach = reaches[entry.parentID] { return reach }
    let reach = try await Reach.of(entry, in: lookup)
    reaches[entry.parentID] = reach
    return reach
  }

  /// IDs of agents and entries like `id`, nearest first.
  mutating func suggestions(for id: SPIFFEID) async throws(DatastoreError) -> [String] {
    if let known = suggestions[id.description] { return known }
    guard suggestions.count < Self.suggestionLimit else { return [] }
    let domain = server.trustDomain
    let paths = try await paths()
    var found = NearestNames.find(id.path, among: paths)
    // The same path in this trust domain is as near as it gets.
    if id.trustDomain != domain, paths.contains(id.path) { found.insert(id.path, at: 0) }
    let result = found.prefix(3).map { "spiffe://\(domain)\($0)" }
    suggestions[id.description] = result
    return result
  }

  /// The paths of the IDs that entries give out and that agents have.
  private mutating func paths() async throws(DatastoreError) -> [String] {
    if let knownPaths { return knownPaths }
    var paths: Set<String> = []
    for entry in server.entries.current().entries { paths.insert(entry.spiffeID.path) }
    var token = ""
    var count = 0
    repeat {
      let page = try await server.datastore.listAgents(
        .all, page: Page(size: 1000, token: token), withSelectors: false)
      for agent in page.items { paths.insert(agent.id.path) }
      count += page.items.count
      token = page.items.isEmpty || count >= Self.agentLimit ? "" : page.nextToken
    } while !token.isEmpty
    knownPaths = Array(paths)
    return Array(paths)
  }

  func text(_ seconds: Int64) -> String { GoTime.rfc3339(Date(timeIntervalSince1970: Double(seconds))) }
}
