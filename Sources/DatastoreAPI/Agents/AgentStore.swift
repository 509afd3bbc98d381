package import SPIFFE

/// Agents that have attested.
package protocol AgentStore: Sendable {
  /// Creates an agent's row; its selectors are set with ``NodeSelectorStore/setNodeSelectors(_:of:)``.
  func createAgent(_ agent: AttestedNode) async throws(DatastoreError) -> AttestedNode

  /// Stores the result of a successful attestation in one transaction: replaces the selectors, then creates the row
  /// or updates all of it. Refused with ``DatastoreError/Code/failedPrecondition`` when the agent is banned,
  /// even when the ban came after the caller looked.
  ///
  /// - Parameter mustBeNew: refuses with ``DatastoreError/Code/alreadyExists`` when the agent is there already. Of any
  ///   number of concurrent callers exactly one gets through.
  func recordAttestation(
    of agent: AttestedNode, mustBeNew: Bool
  ) async throws(DatastoreError) -> AttestedNode

  /// The agent of this ID, without its selectors.
  func fetchAgent(id: SPIFFEID) async throws(DatastoreError) -> AttestedNode?

  /// The agents of these IDs with their selectors, in no order; IDs that do not exist are left out.
  func fetchAgents(ids: [SPIFFEID]) async throws(DatastoreError) -> [AttestedNode]

  /// The agents that pass `filter`, in the order of their rows.
  ///
  /// A page may hold fewer than its size; only an empty token says that it was the last.
  func listAgents(
    _ filter: AgentFilter, page: Page?, withSelectors: Bool
  ) async throws(DatastoreError) -> Listing<AttestedNode>

  /// How many agents pass `filter`.
  func countAgents(_ filter: AgentFilter) async throws(DatastoreError) -> Int

  /// Sets the fields in `mask` and returns the agent as stored now.
  func updateAgent(_ agent: AttestedNode, mask: AttestedNodeMask) async throws(DatastoreError) -> AttestedNode

  /// Makes the renewed SVID the current one, if the agent is not banned and `serialNumber` is still the renewed SVID's.
  ///
  /// - Returns: the agent as stored now; `nil` when it has been banned, deleted or renewed again meanwhile.
  func activateRenewedSVID(
    serialNumber: String, of id: SPIFFEID
  ) async throws(DatastoreError) -> AttestedNode?

  /// Deletes an agent, its selectors, and for a join token its alias entry (server-behaviour §5.2).
  func deleteAgent(id: SPIFFEID) async throws(DatastoreError) -> AttestedNode

  /// Deletes at most `limit` agents whose SVID ended before `time` (Unix seconds), as ``deleteAgent(id:)`` does, and
  /// returns them. Banned agents stay, and so do those that cannot attest again unless `includingNonReattestable`.
  func pruneAgents(
    expiredBefore time: Int64, includingNonReattestable: Bool, limit: Int
  ) async throws(DatastoreError) -> [AttestedNode]
}

extension AgentStore {
  package func listAgents(_ filter: AgentFilter = .all) async throws(DatastoreError) -> [AttestedNode] {
    try await listAgents(filter, page: nil, withSelectors: false).items
  }

  package func recordAttestation(of agent: AttestedNode) async throws(DatastoreError) -> AttestedNode {
    try await recordAttestation(of: agent, mustBeNew: false)
  }

  package func countAgents() async throws(DatastoreError) -> Int { try await countAgents(.all) }
}
