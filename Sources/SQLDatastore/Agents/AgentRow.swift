import DatastoreAPI
import SPIFFE

/// A row of `attested_node_entries`.
struct AgentRow {
  var rowID: Int64
  var agent: AttestedNode

  /// The columns that ``init(_:)`` reads, of table alias `n`.
  static func columns(_ schema: SchemaFeatures) -> String {
    """
    n.id, n.spiffe_id, n.data_type, n.serial_number, n.expires_at, n.new_serial_number, n.new_expires_at, \
    n.can_reattest, \(schema.hasAgentVersion ? "n.agent_version" : "NULL")
    """
  }

  init(_ row: any SQLRow) throws(DatastoreError) {
    rowID = row.integer(0)
    let text = row.text(1)
    do throws(SPIFFEIDError) {
      agent = AttestedNode(
        id: try SPIFFEID(text), attestationType: row.text(2), serialNumber: row.text(3),
        expiresAt: row.time(4)?.seconds ?? 0, newSerialNumber: row.text(5), newExpiresAt: row.time(6)?.seconds ?? 0,
        canReattest: row.bool(7), agentVersion: row.text(8))
    } catch {
      throw .damagedRow("the SPIFFE ID \"\(text)\" of an agent", cause: error)
    }
  }
}

extension AttestedNode {
  /// NULL when there is no renewed SVID.
  var newExpiresAtColumn: SQLValue { newExpiresAt == 0 ? .null : .time(SQLTime(seconds: newExpiresAt)) }
}
