import DatastoreAPI
import SPIFFE
import SPIREProtos
import SwiftProtobuf

/// A row of `registered_entries`, with the ID by which the tables of its selectors and names refer to it.
struct EntryRow {
  var rowID: Int64
  var entry: RegistrationEntry

  /// The columns that ``init(_:)`` reads, of table alias `e`.
  static func columns(_ schema: SchemaFeatures) -> String {
    """
    e.id, e.entry_id, e.spiffe_id, e.parent_id, e.ttl, e.admin, e.downstream, e.expiry, e.revision_number, \
    e.store_svid, e.hint, e.jwt_svid_ttl, e.created_at, \
    \(schema.hasAdditionalAttributes ? "e.additional_attributes" : "NULL")
    """
  }

  init(_ row: any SQLRow) throws(DatastoreError) {
    rowID = row.integer(0)
    let id = row.text(1)
    entry = RegistrationEntry(
      id: id, spiffeID: try Self.parse(row.text(2), "SPIFFE ID", id),
      parentID: try Self.parse(row.text(3), "parent ID", id),
      selectors: [], x509SVIDTTL: Int32(clamping: row.integer(4)), jwtSVIDTTL: Int32(clamping: row.integer(11)),
      admin: row.bool(5), downstream: row.bool(6), expiresAt: row.integer(7), revisionNumber: row.integer(8),
      storeSVID: row.bool(9), hint: row.text(10), createdAt: row.time(12)?.nearestSecond ?? 0)
    if !row.isNull(13) { entry.additionalAttributes = try Self.attributes(row.blob(13), id) }
  }

  private static func parse(_ text: String, _ field: String, _ id: String) throws(DatastoreError) -> SPIFFEID {
    do throws(SPIFFEIDError) {
      return try SPIFFEID(text)
    } catch {
      throw .damagedRow("the \(field) \"\(text)\" of registration entry \"\(id)\"", cause: error)
    }
  }

  private static func attributes(_ bytes: [UInt8], _ id: String) throws(DatastoreError) -> AdditionalAttributes {
    do {
      let message = try Spire_Common_RegistrationEntry.AdditionalAttributes(serializedBytes: bytes)
      return AdditionalAttributes(
        disableX509SVIDPrefetch: message.disableX509SvidPrefetch, jwtSVIDIncludeJTI: message.jwtSvidIncludeJti)
    } catch {
      throw .damagedRow("the additional attributes of registration entry \"\(id)\"", cause: error)
    }
  }
}

extension AdditionalAttributes {
  /// The bytes of the column, or NULL.
  static func column(_ attributes: AdditionalAttributes?) throws(DatastoreError) -> SQLValue {
    guard let attributes else { return .null }
    let message = Spire_Common_RegistrationEntry.AdditionalAttributes.with {
      $0.disableX509SvidPrefetch = attributes.disableX509SVIDPrefetch
      $0.jwtSvidIncludeJti = attributes.jwtSVIDIncludeJTI
    }
    do {
      return .blob(try message.serializedBytes())
    } catch {
      throw .sql(.internal, "cannot encode additional attributes: \(error)", cause: error)
    }
  }
}
