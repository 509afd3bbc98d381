import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  func insertBundle(_ bundle: Bundle) throws(DatastoreError) {
    let now = self.now
    _ = try insert(
      "INSERT INTO bundles (created_at, updated_at, trust_domain, data) VALUES (?, ?, ?, ?)",
      [now, now, .text(bundle.trustDomain.idString), .blob(try BundleCoding.encode(bundle))])
    log.bundles.append(bundle.trustDomain)
  }
}
