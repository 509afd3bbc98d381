package import DatastoreAPI
package import SPIFFE

/// The agents whose SVID is in force, held in memory: who may call, with which serial numbers (server-behaviour §5.4).
///
/// A value: ``EntryModelKeeper`` owns it. An agent that is not here may still be one: whoever is about to refuse a call
/// asks the datastore first.
package struct AgentModel: Sendable {
  private var nodes: [SPIFFEID: AttestedNode] = [:]
  /// No SVID ends before this time, Unix seconds: until then nobody need be looked at.
  private var firstEnd = Int64.max

  /// The agents that were set or removed since it was taken, for those who watch; nil when nobody does.
  var touched: [SPIFFEID]?

  package init() {}

  package var count: Int { nodes.count }

  /// The agents that may call: not banned, with an SVID that is valid at `now` (Unix seconds).
  func inForce(at now: Int64) -> [SPIFFEID] {
    nodes.lazy.filter { !$0.value.isBanned && Self.end(of: $0.value) > now }.map(\.key)
  }

  /// The agent of this ID, without its selectors.
  package func node(_ id: SPIFFEID) -> AttestedNode? { nodes[id] }

  /// Makes `node` the one of this ID. Nil, or an agent none of whose SVIDs is valid at `now` (Unix seconds): there is
  /// none.
  /// - Returns: whether there is one now.
  @discardableResult
  mutating func set(_ node: AttestedNode?, id: SPIFFEID, now: Int64) -> Bool {
    touched?.append(id)
    guard var node, Self.end(of: node) > now else {
      nodes[id] = nil
      return false
    }
    node.selectors = []
    nodes[id] = node
    firstEnd = min(firstEnd, Self.end(of: node))
    return true
  }

  /// Forgets the agents whose SVIDs ended before `now` (Unix seconds), and names them.
  mutating func removeExpired(now: Int64) -> [SPIFFEID] {
    guard firstEnd <= now else { return [] }
    var expired: [SPIFFEID] = []
    firstEnd = .max
    for (id, node) in nodes {
      let end = Self.end(of: node)
      if end <= now { expired.append(id) } else { firstEnd = min(firstEnd, end) }
    }
    for id in expired { nodes[id] = nil }
    touched?.append(contentsOf: expired)
    return expired
  }

  /// The agents that are not the same in `other`.
  func differences(to other: AgentModel) -> Set<SPIFFEID> {
    var ids = Set(nodes.keys.lazy.filter { other.nodes[$0] == nil })
    for (id, node) in other.nodes where nodes[id] != node { ids.insert(id) }
    return ids
  }

  private static func end(of node: AttestedNode) -> Int64 { max(node.expiresAt, node.newExpiresAt) }
}
