/// A `WHERE` clause under construction: conditions joined by `AND`, with their arguments.
struct SQLCondition {
  private var conditions: [String] = []
  private(set) var arguments: [SQLValue] = []

  mutating func and(_ condition: String, _ arguments: [SQLValue]) {
    conditions.append(condition)
    self.arguments += arguments
  }

  /// ` WHERE a AND b`, or nothing.
  var clause: String { conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ") }

  var isEmpty: Bool { conditions.isEmpty }
}
