import DatastoreAPI
import Logging

extension SQLTransaction {
  /// The bundles that fulfil `condition`, by row ID. A row that cannot be read is logged and left out.
  func selectBundles(
    _ condition: SQLCondition, limit: String, limitArguments: [SQLValue]
  ) throws(DatastoreError) -> (rows: [BundleRow], last: Int64?) {
    var rows: [BundleRow] = []
    var last: Int64?
    let sql = "SELECT id, trust_domain, data FROM bundles\(condition.clause) ORDER BY id\(limit)"
    try connection.query(sql, condition.arguments + limitArguments) { (row: any SQLRow) throws(DatastoreError) in
      last = row.integer(0)
      do throws(DatastoreError) {
        rows.append(try BundleRow(row))
      } catch {
        logger.error("Skipping bundle", metadata: ["error": "\(error)"])
      }
    }
    return (rows, last)
  }
}
