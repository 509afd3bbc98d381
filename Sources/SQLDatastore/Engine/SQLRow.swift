/// The row that a query is at. Valid only while the closure runs that got it. Columns count from 0.
protocol SQLRow {
  func isNull(_ column: Int32) -> Bool
  /// The integer; 0 for NULL.
  func integer(_ column: Int32) -> Int64
  /// The truth value; `false` for NULL.
  func bool(_ column: Int32) -> Bool
  /// The text; empty for NULL.
  func text(_ column: Int32) -> String
  /// The bytes; empty for NULL.
  func blob(_ column: Int32) -> [UInt8]
  /// The time; `nil` for NULL and for a text that is none.
  func time(_ column: Int32) -> SQLTime?
}
