import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  /// The bundles with which an entry may federate, by row ID; each trust domain must have one.
  func selectFederatedBundles(_ trustDomains: [TrustDomain]) throws(DatastoreError) -> [FederatedBundle] {
    var bundles: [FederatedBundle] = []
    for trustDomain in trustDomains where !bundles.contains(where: { $0.trustDomain == trustDomain }) {
      let rowID = try first("SELECT id FROM bundles WHERE trust_domain = ?", [.text(trustDomain.idString)]) {
        (row: any SQLRow) throws(DatastoreError) in row.integer(0)
      }
      guard let rowID else {
        throw DatastoreError(.internal, "unable to find federated bundle \"\(trustDomain.idString)\"")
      }
      bundles.append(FederatedBundle(rowID: rowID, trustDomain: trustDomain))
    }
    return bundles.sorted { $0.rowID < $1.rowID }
  }
}
