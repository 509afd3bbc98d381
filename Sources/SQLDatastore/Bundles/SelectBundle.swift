import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  /// The bundle of a trust domain; to be changed in this transaction when `forUpdate`.
  func selectBundle(of trustDomain: TrustDomain, forUpdate: Bool = false) throws(DatastoreError) -> BundleRow? {
    try first(
      "SELECT id, trust_domain, data FROM bundles WHERE trust_domain = ?\(forUpdate ? dialect.lockRow : "")",
      [.text(trustDomain.idString)]
    ) { (row: any SQLRow) throws(DatastoreError) in try BundleRow(row) }
  }
}
