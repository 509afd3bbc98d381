import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  /// Inserts the row of an entry, without its selectors and names, and returns its row ID.
  func insertEntry(_ entry: RegistrationEntry, at now: SQLValue) throws(DatastoreError) -> Int64 {
    var values: [SQLValue] = [
      now, now, .text(entry.id), .text(entry.spiffeID.description), .text(entry.parentID.description),
      .integer(Int64(entry.x509SVIDTTL)), .bool(entry.admin), .bool(entry.downstream), .integer(entry.expiresAt),
      .integer(entry.revisionNumber), .bool(entry.storeSVID), .text(entry.hint), .integer(Int64(entry.jwtSVIDTTL)),
    ]
    if schema.hasAdditionalAttributes {
      values.append(try AdditionalAttributes.column(entry.additionalAttributes))
    } else if entry.additionalAttributes != nil {
      throw .schemaTooOld("additional attributes of entries", schema)
    }
    return try insert(
      into: "registered_entries",
      schema.hasAdditionalAttributes ? InsertEntryColumns.whole : InsertEntryColumns.older, values)
  }
}

/// The columns, put together once.
private enum InsertEntryColumns {
  static let older = """
    created_at, updated_at, entry_id, spiffe_id, parent_id, ttl, admin, downstream, expiry, revision_number, \
    store_svid, hint, jwt_svid_ttl
    """
  static let whole = older + ", additional_attributes"
}
