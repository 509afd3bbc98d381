package import SPIFFE

/// Who may use the delegated identity API, and which of this agent's entries it hands out (agent-behaviour §13). A value.
package struct Delegates: Sendable {
  /// `authorized_delegates`
  package let authorized: Set<SPIFFEID>

  package init(_ authorized: Set<SPIFFEID>) { self.authorized = authorized }

  /// Whether a process that matches these entries may call. By the entry's id, the first that gives it the right.
  ///
  /// - Throws: ``AgentError`` `permissionDenied`.
  func check(_ entries: [AgentEntry]) throws(AgentError) -> AgentEntry {
    guard !entries.isEmpty else { throw AgentError(.permissionDenied, "no identity issued") }
    guard let entry = entries.first(where: { authorized.contains($0.spiffeID) }) else {
      throw AgentError(.permissionDenied, "caller not configured as an authorized delegate")
    }
    return entry
  }

  /// Administrators' and downstream servers' identities are for themselves alone.
  static func mayHandOut(_ entry: AgentEntry) -> Bool { !entry.admin && !entry.downstream }
}
