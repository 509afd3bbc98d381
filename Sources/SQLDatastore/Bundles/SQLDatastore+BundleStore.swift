package import DatastoreAPI
package import SPIFFE

extension SQLDatastore: BundleStore {
  package func fetchBundle(of trustDomain: TrustDomain) async throws(DatastoreError) -> Bundle? {
    try await read(["bundle", "fetch"]) { (transaction) throws(DatastoreError) in
      try transaction.selectBundle(of: trustDomain)?.bundle
    }
  }

  package func listBundles(page: Page?) async throws(DatastoreError) -> Listing<Bundle> {
    try await read(["bundle", "list"]) { (transaction) throws(DatastoreError) in
      var condition = SQLCondition()
      let reader = try PageReader(page, column: "id", condition: &condition)
      let (rows, last) = try transaction.selectBundles(
        condition, limit: reader.limit, limitArguments: reader.limitArguments)
      return Listing(rows.map(\.bundle), nextToken: reader.token(lastRow: last))
    }
  }

  package func countBundles() async throws(DatastoreError) -> Int {
    try await read(["bundle", "count"]) { (transaction) throws(DatastoreError) in
      try transaction.count("SELECT COUNT(*) FROM bundles")
    }
  }

  package func createBundle(_ bundle: Bundle) async throws(DatastoreError) -> Bundle {
    try await write(["bundle", "create"]) { (transaction) throws(DatastoreError) in
      try transaction.insertBundle(bundle)
      return bundle
    }
  }

  package func updateBundle(_ bundle: Bundle, mask: BundleMask) async throws(DatastoreError) -> Bundle {
    try await write(["bundle", "update"]) { (transaction) throws(DatastoreError) in
      guard var row = try transaction.selectBundle(of: bundle.trustDomain, forUpdate: true) else {
        throw .recordNotFound
      }
      row.bundle = row.bundle.merging(bundle, mask)
      try transaction.updateBundle(row)
      return row.bundle
    }
  }

  package func setBundle(_ bundle: Bundle) async throws(DatastoreError) -> Bundle {
    try await write(["bundle", "set"]) { (transaction) throws(DatastoreError) in
      try transaction.setBundle(bundle)
      return bundle
    }
  }

  package func appendBundle(_ bundle: Bundle) async throws(DatastoreError) -> Bundle {
    try await write(["bundle", "append"]) { (transaction) throws(DatastoreError) in
      guard var row = try transaction.selectBundle(of: bundle.trustDomain, forUpdate: true) else {
        try transaction.insertMissing { () throws(DatastoreError) in try transaction.insertBundle(bundle) }
        return bundle
      }
      guard row.bundle.append(bundle) else { return row.bundle }
      row.bundle.sequenceNumber &+= 1
      try transaction.updateBundle(row)
      return row.bundle
    }
  }

  package func pruneBundle(of trustDomain: TrustDomain, expiredBy time: Int64) async throws(DatastoreError) -> Bool {
    try await write(["bundle", "prune"]) { (transaction) throws(DatastoreError) in
      guard var row = try transaction.selectBundle(of: trustDomain, forUpdate: true),
        let pruned = try row.bundle.pruned(expiredBy: time)
      else { return false }
      row.bundle = pruned
      try transaction.updateBundle(row)
      return true
    }
  }

  package func deleteBundle(of trustDomain: TrustDomain, mode: BundleDeletionMode) async throws(DatastoreError) {
    try await write(["bundle", "delete"]) { (transaction) throws(DatastoreError) in
      try transaction.deleteBundle(of: trustDomain, mode: mode)
    }
  }
}
