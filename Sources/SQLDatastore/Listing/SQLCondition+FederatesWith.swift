import DatastoreAPI
import SPIFFE

extension SQLCondition {
  /// Narrows to the entries `e` whose federated trust domains compare as the filter says with those asked for.
  mutating func matchFederatesWith(_ filter: FederatesWithFilter) throws(DatastoreError) {
    let trustDomains = Set(filter.trustDomains).sorted().map { SQLValue.text($0.idString) }
    guard !trustDomains.isEmpty else {
      throw DatastoreError(.invalidArgument, "cannot list by empty trust domain set")
    }
    let list = SQLText.list(trustDomains.count)
    let inside = "COUNT(CASE WHEN b.trust_domain IN \(list) THEN 1 END)"
    let outside = "COUNT(CASE WHEN b.trust_domain NOT IN \(list) THEN 1 END) = 0"
    let all = SQLValue.integer(Int64(trustDomains.count))
    let (having, arguments): (String, [SQLValue]) =
      switch filter.match {
      case .any: ("\(inside) > 0", trustDomains)
      case .superset: ("\(inside) = ?", trustDomains + [all])
      case .subset: (outside, trustDomains)
      case .exact: ("\(inside) = ? AND \(outside)", trustDomains + [all] + trustDomains)
      }
    and(
      """
      e.id IN (SELECT f.registered_entry_id FROM federated_registration_entries f \
      JOIN bundles b ON b.id = f.bundle_id GROUP BY f.registered_entry_id HAVING \(having))
      """, arguments)
  }
}
