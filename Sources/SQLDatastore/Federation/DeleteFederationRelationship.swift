import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  /// Says whether there was a relationship with this trust domain.
  func deleteFederationRelationship(with trustDomain: TrustDomain) throws(DatastoreError) -> Bool {
    log.federationRelationships = true
    return try execute("DELETE FROM federated_trust_domains WHERE trust_domain = ?", [.text(trustDomain.name)]) == 1
  }
}
