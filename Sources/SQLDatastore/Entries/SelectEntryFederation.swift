import DatastoreAPI
import Logging
import SPIFFE

extension SQLTransaction {
  /// The trust domains that entries federate with, by entry and then by the row of their bundle.
  func selectEntryFederation(
    _ clause: String, _ arguments: [SQLValue], _ body: (Int64, TrustDomain) -> Void
  ) throws(DatastoreError) {
    let sql = """
      SELECT f.registered_entry_id, b.trust_domain FROM federated_registration_entries f \
      JOIN bundles b ON b.id = f.bundle_id\(clause) ORDER BY f.registered_entry_id, b.id
      """
    try connection.query(sql, arguments) { (row: any SQLRow) throws(DatastoreError) in
      do throws(SPIFFEIDError) {
        body(row.integer(0), try TrustDomain(row.text(1)))
      } catch {
        logger.error(
          "Skipping federated trust domain", metadata: ["trust_domain_id": "\(row.text(1))", "error": "\(error)"])
      }
    }
  }
}
