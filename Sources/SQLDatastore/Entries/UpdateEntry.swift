import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  /// Writes the row of an entry, without its selectors and names.
  func updateEntry(_ row: EntryRow, at now: SQLValue) throws(DatastoreError) {
    let entry = row.entry
    var columns = """
      updated_at = ?, spiffe_id = ?, parent_id = ?, ttl = ?, admin = ?, downstream = ?, expiry = ?, \
      revision_number = ?, store_svid = ?, hint = ?, jwt_svid_ttl = ?
      """
    var values: [SQLValue] = [
      now, .text(entry.spiffeID.description), .text(entry.parentID.description), .integer(Int64(entry.x509SVIDTTL)),
      .bool(entry.admin), .bool(entry.downstream), .integer(entry.expiresAt), .integer(entry.revisionNumber),
      .bool(entry.storeSVID), .text(entry.hint), .integer(Int64(entry.jwtSVIDTTL)),
    ]
    if schema.hasAdditionalAttributes {
      columns += ", additional_attributes = ?"
      values.append(try AdditionalAttributes.column(entry.additionalAttributes))
    } else if entry.additionalAttributes != nil {
      throw .schemaTooOld("additional attributes of entries", schema)
    }
    try post("UPDATE registered_entries SET \(columns) WHERE id = ?", values + [.integer(row.rowID)])
  }
}
