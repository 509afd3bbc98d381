import SPIFFE

/// What an ``EntryModel`` keeps while somebody watches. A value.
struct ModelTracking: Sendable {
  /// What changed since it was taken.
  var effects: [ModelEffect] = []
  /// Entries that are not aliases, by the path of their ID: the way up from a child.
  var byPath = PathIndex()
}

/// What a change of the ``EntryModel`` may mean for agents. A value, made by the model while somebody watches.
enum ModelEffect: Sendable, Equatable {
  /// Agents that serve what is below one of these paths have to look at these entries again; nil: at all of them.
  case entries(ids: [String]?, below: [String])
  /// A node alias with these selectors came, went or changed.
  case alias([Selector])
  /// The selectors of this agent changed.
  case agent(SPIFFEID)
}
