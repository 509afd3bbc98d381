/// A statement that a connection knows by a name. Owned by its ``PostgresConnection``.
final class PostgresStatement {
  let name: String
  /// With `$1`, `$2`, … for arguments.
  let text: String
  let types: [UInt32]
  /// Whether the server has it, or will have it when it has read what was sent.
  var isPrepared = false
  /// When it was used last, in statements of its connection.
  var lastUse = 0

  init(name: String, sql: String, types: [UInt32]) {
    self.name = name
    self.types = types
    text = Self.numbered(sql)
  }

  /// The statement with `$1`, `$2`, … in place of each `?` outside of quotes.
  static func numbered(_ sql: String) -> String {
    guard sql.utf8.contains(UInt8(ascii: "?")) else { return sql }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(sql.utf8.count + 16)
    var count = 0
    var quote: UInt8?
    for byte in sql.utf8 {
      if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
        quote = quote == nil ? byte : (quote == byte ? nil : quote)
      }
      if byte == UInt8(ascii: "?"), quote == nil {
        count += 1
        bytes.append(UInt8(ascii: "$"))
        bytes.append(contentsOf: String(count).utf8)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
