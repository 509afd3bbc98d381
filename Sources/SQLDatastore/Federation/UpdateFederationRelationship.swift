import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  /// Says whether there was a relationship with this trust domain.
  func updateFederationRelationship(_ relationship: FederationRelationship) throws(DatastoreError) -> Bool {
    log.federationRelationships = true
    return try execute(
      """
      UPDATE federated_trust_domains SET updated_at = ?, bundle_endpoint_url = ?, bundle_endpoint_profile = ?, \
      endpoint_spiffe_id = ? WHERE trust_domain = ?
      """,
      [
        now, .text(relationship.bundleEndpointURL), .text(relationship.profile.name),
        .text(relationship.profile.endpointIDColumn), .text(relationship.trustDomain.name),
      ]) == 1
  }
}
