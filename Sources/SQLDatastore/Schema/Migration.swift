/// One step of the schema: what it adds to get from the version before to ``version``.
struct Migration: Sendable {
  let version: Int
  let columns: [SchemaColumn]

  static let all = [
    Migration(version: 24, columns: [SchemaColumn(table: "attested_node_entries", name: "agent_version", type: .text)]),
    Migration(
      version: 25, columns: [SchemaColumn(table: "registered_entries", name: "additional_attributes", type: .bytes)]),
  ]
}
