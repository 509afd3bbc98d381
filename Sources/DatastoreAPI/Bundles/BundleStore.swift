package import SPIFFE

/// Bundles of the server's own and of federated trust domains.
package protocol BundleStore: Sendable {
  func fetchBundle(of trustDomain: TrustDomain) async throws(DatastoreError) -> Bundle?
  /// All bundles, the server's own included, in the order of their rows.
  func listBundles(page: Page?) async throws(DatastoreError) -> Listing<Bundle>
  func countBundles() async throws(DatastoreError) -> Int

  /// Stores a new bundle as it is.
  func createBundle(_ bundle: Bundle) async throws(DatastoreError) -> Bundle
  /// Replaces the parts in `mask` of a bundle that exists.
  func updateBundle(_ bundle: Bundle, mask: BundleMask) async throws(DatastoreError) -> Bundle
  /// Creates or replaces a bundle.
  func setBundle(_ bundle: Bundle) async throws(DatastoreError) -> Bundle
  /// Adds the authorities that are not there yet, and one to the sequence number if there were any; creates the bundle
  /// if it does not exist. Items are compared whole; nothing that is there is changed.
  func appendBundle(_ bundle: Bundle) async throws(DatastoreError) -> Bundle

  /// Drops authorities that ended at or before `time` (Unix seconds), and says whether there were any.
  ///
  /// Refused when the last X.509 authority, or the last key of a kind, would go.
  func pruneBundle(of trustDomain: TrustDomain, expiredBy time: Int64) async throws(DatastoreError) -> Bool
  func deleteBundle(of trustDomain: TrustDomain, mode: BundleDeletionMode) async throws(DatastoreError)
}

extension BundleStore {
  package func listBundles() async throws(DatastoreError) -> [Bundle] { try await listBundles(page: nil).items }
}
