import DatastoreAPI
import Logging

extension SQLTransaction {
  /// The agents (`n`) that fulfil `condition`, by row ID. A row that cannot be read is logged and left out.
  ///
  /// - Parameter lock: whether the rows are changed in this transaction.
  func selectAgents(
    _ condition: SQLCondition, limit: String = "", limitArguments: [SQLValue] = [], lock: Bool = false
  ) throws(DatastoreError) -> (rows: [AgentRow], last: Int64?) {
    let sql =
      "SELECT \(AgentRow.columns(schema)) FROM attested_node_entries n\(condition.clause) ORDER BY n.id\(limit)"
      + (lock ? dialect.lockRow : "")
    var rows: [AgentRow] = []
    var last: Int64?
    try connection.query(sql, condition.arguments + limitArguments) { (row: any SQLRow) throws(DatastoreError) in
      last = row.integer(0)
      do throws(DatastoreError) {
        rows.append(try AgentRow(row))
      } catch {
        logger.error("Skipping agent", metadata: ["error": "\(error)"])
      }
    }
    return (rows, last)
  }
}
