package import SPIFFE

/// The selectors that attestation found for agents.
package protocol NodeSelectorStore: Sendable {
  /// Replaces the selectors of an agent; duplicates count once.
  func setNodeSelectors(_ selectors: [Selector], of agent: SPIFFEID) async throws(DatastoreError)

  /// The selectors of an agent, in the order of their rows.
  func nodeSelectors(
    of agent: SPIFFEID, consistency: ReadConsistency
  ) async throws(DatastoreError) -> [Selector]

  /// The selectors of all agents, or of those whose SVID is valid at `time` (Unix seconds).
  func listNodeSelectors(
    validAt time: Int64?, consistency: ReadConsistency
  ) async throws(DatastoreError) -> [SPIFFEID: [Selector]]
}

extension NodeSelectorStore {
  package func nodeSelectors(of agent: SPIFFEID) async throws(DatastoreError) -> [Selector] {
    try await nodeSelectors(of: agent, consistency: .current)
  }
}
