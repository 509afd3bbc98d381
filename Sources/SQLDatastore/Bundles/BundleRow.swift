import DatastoreAPI
import SPIFFE

/// A row of `bundles`.
struct BundleRow {
  var rowID: Int64
  var bundle: Bundle

  /// Of `id, trust_domain, data`.
  init(_ row: any SQLRow) throws(DatastoreError) {
    rowID = row.integer(0)
    bundle = try BundleCoding.decode(row.blob(2), row: row.text(1))
  }
}

/// A row of `bundles` without its data, as entries refer to it.
struct FederatedBundle {
  var rowID: Int64
  var trustDomain: TrustDomain
}
