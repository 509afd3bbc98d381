package import SPIFFE

/// Federation relationships made through the API.
package protocol FederationStore: Sendable {
  func createFederationRelationship(
    _ relationship: FederationRelationship
  ) async throws(DatastoreError) -> FederationRelationship
  func fetchFederationRelationship(
    with trustDomain: TrustDomain
  ) async throws(DatastoreError) -> FederationRelationship?
  func listFederationRelationships(page: Page?) async throws(DatastoreError) -> Listing<FederationRelationship>
  func updateFederationRelationship(
    _ relationship: FederationRelationship, mask: FederationRelationshipMask
  ) async throws(DatastoreError) -> FederationRelationship
  /// Deletes the relationship; the bundle stays.
  func deleteFederationRelationship(with trustDomain: TrustDomain) async throws(DatastoreError)
  /// Creates or replaces the bundle of a federated trust domain, unless both have a sequence number and the stored one's
  /// is larger.
  ///
  /// - Returns: the sequence number of the stored bundle if that one stays, else nil.
  func setFetchedBundle(_ bundle: Bundle) async throws(DatastoreError) -> UInt64?
}

extension FederationStore {
  package func listFederationRelationships() async throws(DatastoreError) -> [FederationRelationship] {
    try await listFederationRelationships(page: nil).items
  }
}
