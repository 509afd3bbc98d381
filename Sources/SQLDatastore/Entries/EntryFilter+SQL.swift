import DatastoreAPI
import SPIFFE

extension EntryFilter {
  /// The condition on `registered_entries e`.
  func condition() throws(DatastoreError) -> SQLCondition {
    var condition = SQLCondition()
    if let parentID { condition.and("e.parent_id = ?", [.text(parentID.description)]) }
    if let spiffeID { condition.and("e.spiffe_id = ?", [.text(spiffeID.description)]) }
    if let hint { condition.and("e.hint = ?", [.text(hint)]) }
    if downstream { condition.and("e.downstream = ?", [true]) }
    if let selectors {
      try condition.matchSelectors(selectors, table: "selectors", key: "registered_entry_id", column: "e.id")
    }
    if let federatesWith { try condition.matchFederatesWith(federatesWith) }
    return condition
  }
}
