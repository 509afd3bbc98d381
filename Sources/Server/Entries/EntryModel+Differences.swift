import DatastoreAPI
import SPIFFE

/// What differs between two models, for those who follow changes.
extension EntryModel {
  /// The entries that are not the same in `other`.
  func differences(to other: EntryModel) -> [String] {
    var ids = entries.map(\.id).filter { other.entry(id: $0) == nil }
    for new in other.entries where entry(id: new.id) != new { ids.append(new.id) }
    return ids
  }

  /// The agents whose selectors are not the same in `other`.
  func selectorDifferences(to other: EntryModel) -> Set<SPIFFEID> {
    var ids: Set<SPIFFEID> = []
    for agent in agentsWithSelectors where selectors(ofAgent: agent) != other.selectors(ofAgent: agent) {
      ids.insert(agent)
    }
    for agent in other.agentsWithSelectors where selectors(ofAgent: agent) != other.selectors(ofAgent: agent) {
      ids.insert(agent)
    }
    return ids
  }
}
