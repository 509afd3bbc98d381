/// A value bound to a statement. Each engine writes booleans and times in its own form.
enum SQLValue: Hashable, Sendable {
  case null
  case integer(Int64)
  case bool(Bool)
  case text(String)
  case blob([UInt8])
  case time(SQLTime)
}

extension SQLValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
  init(stringLiteral value: String) { self = .text(value) }
  init(integerLiteral value: Int64) { self = .integer(value) }
  init(booleanLiteral value: Bool) { self = .bool(value) }
}
