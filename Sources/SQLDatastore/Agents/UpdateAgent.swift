import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  /// Writes the columns in `mask` of the agent's row.
  func updateAgent(_ rowID: Int64, _ agent: AttestedNode, _ mask: AttestedNodeMask) throws(DatastoreError) {
    var columns = "updated_at = ?"
    var values = [now]
    func set(_ field: AttestedNodeMask, _ column: String, _ value: SQLValue) {
      guard mask.contains(field) else { return }
      columns += ", \(column) = ?"
      values.append(value)
    }
    set(.attestationType, "data_type", .text(agent.attestationType))
    set(.serialNumber, "serial_number", .text(agent.serialNumber))
    set(.expiresAt, "expires_at", .time(SQLTime(seconds: agent.expiresAt)))
    set(.newSerialNumber, "new_serial_number", .text(agent.newSerialNumber))
    set(.newExpiresAt, "new_expires_at", agent.newExpiresAtColumn)
    set(.canReattest, "can_reattest", .bool(agent.canReattest))
    if schema.hasAgentVersion { set(.agentVersion, "agent_version", .text(agent.agentVersion)) }
    try post("UPDATE attested_node_entries SET \(columns) WHERE id = ?", values + [.integer(rowID)])
  }
}
