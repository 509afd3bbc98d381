import DatastoreAPI
import Logging

extension SQLTransaction {
  /// The relationships that fulfil `condition` with their bundles, by row ID. A row that cannot be read is logged and
  /// left out.
  ///
  /// - Parameter lock: whether the rows are changed in this transaction.
  func selectFederationRelationships(
    _ condition: SQLCondition, limit: String = "", limitArguments: [SQLValue] = [], lock: Bool = false
  ) throws(DatastoreError) -> (items: [FederationRelationship], last: Int64?) {
    var items: [FederationRelationship] = []
    var last: Int64?
    let sql = """
      SELECT id, trust_domain, bundle_endpoint_url, bundle_endpoint_profile, endpoint_spiffe_id \
      FROM federated_trust_domains\(condition.clause) ORDER BY id\(limit)\(lock ? dialect.lockRow : "")
      """
    try connection.query(sql, condition.arguments + limitArguments) { (row: any SQLRow) throws(DatastoreError) in
      last = row.integer(0)
      do throws(DatastoreError) {
        items.append(try FederationRelationship(row))
      } catch {
        logger.error("Skipping federation relationship", metadata: ["error": "\(error)"])
      }
    }
    for index in items.indices {
      items[index].bundle = try selectBundle(of: items[index].trustDomain)?.bundle
    }
    return (items, last)
  }
}
