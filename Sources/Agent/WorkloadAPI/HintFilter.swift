/// Makes hints unique in an answer (agent-behaviour §11): of several identities with one hint, the oldest entry's
/// stays.
package enum HintFilter {
  /// The identities that stay, in their order.
  package static func apply<T>(_ items: [T], entry: (T) -> AgentEntry) -> [T] {
    var winners: [String: AgentEntry] = [:]
    for item in items {
      let candidate = entry(item)
      guard !candidate.hint.isEmpty else { continue }
      guard let known = winners[candidate.hint] else {
        winners[candidate.hint] = candidate
        continue
      }
      if (candidate.createdAt, candidate.id) < (known.createdAt, known.id) { winners[candidate.hint] = candidate }
    }
    return items.filter { item in
      let candidate = entry(item)
      return candidate.hint.isEmpty || winners[candidate.hint]?.id == candidate.id
    }
  }
}
