import DatastoreAPI
import SPIFFE

/// The way up from an entry's parent: the agents and node aliases at its ends (server-behaviour §6.4, read backwards).
///
/// Each ID is visited once and their number is bounded, so that a cycle or a wide tree of entries costs little. A value
/// without state of its own.
struct Ancestry: Sendable {
  /// IDs that are visited at most.
  static let limit = 100

  /// An agent that has attested, with the entries that lead from it down to the parent; none if it is the parent.
  struct Source: Sendable {
    let agent: AttestedNode
    let path: [RegistrationEntry]
  }

  /// Agents whose own ID was reached.
  private(set) var agents: [Source] = []
  /// Node aliases that were reached: the first of each list; the rest leads down to the parent.
  private(set) var aliases: [[RegistrationEntry]] = []
  /// IDs that are neither an agent's nor given out by an entry.
  private(set) var deadEnds: [SPIFFEID] = []
  /// Whether there was more than the limit.
  private(set) var isCut = false

  static func of(parent: SPIFFEID, in lookup: EntryLookup) async throws(DatastoreError) -> Ancestry {
    var result = Ancestry()
    var visited: Set<String> = [parent.path]
    var queue: [(id: SPIFFEID, path: [RegistrationEntry])] = [(parent, [])]
    var next = 0
    while next < queue.count {
      guard next < limit else {
        result.isCut = true
        break
      }
      let (id, path) = queue[next]
      next += 1
      let agent = try await lookup.datastore.fetchAgent(id: id)
      if let agent { result.agents.append(Source(agent: agent, path: path)) }
      let entries = try await lookup.entries(for: id)
      if agent == nil && entries.isEmpty { result.deadEnds.append(id) }
      if entries.count >= EntryLookup.limit { result.isCut = true }
      for entry in entries {
        if entry.isNodeAlias {
          result.aliases.append([entry] + path)
        } else if visited.insert(entry.parentID.path).inserted {
          queue.append((entry.parentID, [entry] + path))
        }
      }
    }
    return result
  }
}

extension RegistrationEntry {
  /// Whether the entry gives agents, not workloads, another ID.
  var isNodeAlias: Bool { parentID.path == "/spire/server" }
}
