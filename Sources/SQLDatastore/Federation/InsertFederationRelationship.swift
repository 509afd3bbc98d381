import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  func insertFederationRelationship(_ relationship: FederationRelationship) throws(DatastoreError) {
    let now = self.now
    _ = try insert(
      """
      INSERT INTO federated_trust_domains (created_at, updated_at, trust_domain, bundle_endpoint_url, \
      bundle_endpoint_profile, endpoint_spiffe_id, implicit) VALUES (?, ?, ?, ?, ?, ?, ?)
      """,
      [
        now, now, .text(relationship.trustDomain.name), .text(relationship.bundleEndpointURL),
        .text(relationship.profile.name), .text(relationship.profile.endpointIDColumn), false,
      ])
    log.federationRelationships = true
  }
}
