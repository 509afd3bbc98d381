/// A URL's query, read and written as Go's `url.Values` is.
extension WebURL {
  /// The names in the query, decoded.
  package var queryNames: [String] { query.map(\.name) }

  /// This URL with more in its query: each of `values` replaces what has its name, and all of it is sorted by name.
  package func setting(_ values: [(name: String, value: String)]) -> WebURL {
    var pairs = query.filter { pair in !values.contains { $0.name == pair.name } } + values
    let order = pairs.indices.sorted { (pairs[$0].name, $0) < (pairs[$1].name, $1) }
    pairs = order.map { pairs[$0] }
    var result = self
    result.target =
      target.prefix { $0 != "?" } + "?"
      + pairs.map { Self.escape($0.name) + "=" + Self.escape($0.value) }.joined(separator: "&")
    return result
  }

  private var query: [(name: String, value: String)] {
    guard let mark = target.firstIndex(of: "?") else { return [] }
    return target[target.index(after: mark)...].split(separator: "&").compactMap { pair in
      guard !pair.contains(";") else { return nil }
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (Self.unescape(parts[0]), parts.count > 1 ? Self.unescape(parts[1]) : "")
    }
  }

  private static func escape(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
        UInt8(ascii: "~"):
        bytes.append(byte)
      case UInt8(ascii: " "): bytes.append(UInt8(ascii: "+"))
      default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func unescape(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: Array(rest.prefix(2)), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
