/// A column that a migration adds.
struct SchemaColumn: Hashable, Sendable {
  enum ColumnType: Sendable {
    case text
    case bytes
  }
  let table: String
  let name: String
  let type: ColumnType
}
