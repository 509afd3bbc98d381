import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  func updateBundle(_ row: BundleRow) throws(DatastoreError) {
    try post(
      "UPDATE bundles SET updated_at = ?, data = ? WHERE id = ?",
      [now, .blob(try BundleCoding.encode(row.bundle)), .integer(row.rowID)])
    log.bundles.append(row.bundle.trustDomain)
  }

  /// Creates or replaces a bundle.
  func setBundle(_ bundle: Bundle) throws(DatastoreError) {
    guard var row = try selectBundle(of: bundle.trustDomain, forUpdate: true) else {
      return try insertMissing { () throws(DatastoreError) in try insertBundle(bundle) }
    }
    row.bundle = bundle
    try updateBundle(row)
  }

  /// Reads a bundle that must exist, lets `change` change it, and writes it with the next sequence number.
  func changeBundle<T>(
    of trustDomain: TrustDomain, _ change: (inout Bundle) throws(DatastoreError) -> T
  ) throws(DatastoreError) -> T {
    guard var row = try selectBundle(of: trustDomain, forUpdate: true) else { throw .recordNotFound }
    let result = try change(&row.bundle)
    row.bundle.sequenceNumber &+= 1
    try updateBundle(row)
    return result
  }
}
