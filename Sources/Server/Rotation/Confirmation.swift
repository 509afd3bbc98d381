package import SPIFFE

/// Who has confirmed what an ``AuthorityQuestion`` asks for. A value.
package struct Confirmation: Sendable {
  package struct Missing: Sendable {
    package let agent: SPIFFEID
    /// Unix seconds; nil if no server has heard it since it started.
    package let heardAt: UInt32?
  }

  /// The agents in force.
  package var agents = 0
  /// Of those, the ones that have not confirmed it; those that were heard last come first.
  package var missing: [Missing] = []
  /// The other servers that answer.
  package var servers = 0
  /// Of those, the ones whose bundle does not say so yet, by the IDs of their X.509 authorities.
  package var missingServers: [String] = []
  /// Servers that the datastore knows and that say nothing.
  package var silentServers: [String] = []
  /// Whether the other servers had time to answer.
  package var isSettled = true

  package var isComplete: Bool { missing.isEmpty && missingServers.isEmpty && isSettled }

  /// What is missing, for people: `2 of 3 agents have not confirmed it: spiffe://… (heard 3 s ago), …`.
  package func description(now: Int64, limit: Int = 5) -> String {
    var parts: [String] = []
    if !missing.isEmpty {
      var names = missing.prefix(limit).map { item in
        let heard =
          item.heardAt.map { "heard \(max(0, now - Int64($0))) s ago" } ?? "not heard since the server started"
        return "\(item.agent) (\(heard))"
      }
      if missing.count > limit { names.append("and \(missing.count - limit) more") }
      parts.append("\(missing.count) of \(agents) agents have not confirmed it: " + names.joined(separator: ", "))
    }
    if !missingServers.isEmpty {
      parts.append("servers that do not have it yet: " + missingServers.prefix(limit).joined(separator: ", "))
    }
    if parts.isEmpty, !isSettled { parts.append("other servers on the database have not answered yet") }
    return parts.joined(separator: "; ")
  }
}
