import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  func insertAgent(_ agent: AttestedNode) throws(DatastoreError) {
    let now = self.now
    var columns = """
      created_at, updated_at, spiffe_id, data_type, serial_number, expires_at, new_serial_number, new_expires_at, \
      can_reattest
      """
    var values: [SQLValue] = [
      now, now, .text(agent.id.description), .text(agent.attestationType), .text(agent.serialNumber),
      .time(SQLTime(seconds: agent.expiresAt)), .text(agent.newSerialNumber), agent.newExpiresAtColumn,
      .bool(agent.canReattest),
    ]
    if schema.hasAgentVersion {
      columns += ", agent_version"
      values.append(.text(agent.agentVersion))
    }
    _ = try insert("INSERT INTO attested_node_entries (\(columns)) VALUES \(SQLText.list(values.count))", values)
  }
}
