/// Reads one YAML document: block and flow collections, plain, quoted and block scalars, comments; so JSON too. What a
/// kubeconfig has no need of (anchors, aliases, tags, explicit keys, several documents) is refused by name, and so is a
/// name that occurs twice. Total on any bytes; size and depth are bounded.
///
/// One reader, one text; ``parse(_:)`` makes it.
struct YAMLReader {
  /// Where the text is not what was expected.
  struct Malformed: Error, CustomStringConvertible, Equatable {
    let what: String
    let line: Int
    var description: String { "line \(line): \(what)" }
  }

  static let maximumSize = 1 << 20
  static let maximumDepth = 32

  let bytes: [UInt8]
  var at = 0
  var lineStart = 0
  var line = 1
  var depth = 0

  /// The value of a document; null for one without any.
  static func parse(_ text: [UInt8]) throws(Malformed) -> YAMLValue {
    guard text.count <= maximumSize else { throw Malformed(what: "more than \(maximumSize) bytes", line: 1) }
    guard String(validating: text, as: UTF8.self) != nil else { throw Malformed(what: "it is not UTF-8", line: 1) }
    var reader = YAMLReader(bytes: try YAMLDocument.one(in: text))
    try reader.skipToContent()
    guard reader.peek != nil else { return .null }
    let value = try reader.node(behind: -1)
    try reader.endValue()
    guard reader.peek == nil else { throw reader.failure("text behind the value, or wrong indentation") }
    return value
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  // MARK: Places

  var peek: UInt8? { at < bytes.count ? bytes[at] : nil }
  func peek(_ ahead: Int) -> UInt8? { at + ahead < bytes.count ? bytes[at + ahead] : nil }
  var column: Int { at - lineStart }
  func failure(_ what: String) -> Malformed { Malformed(what: what, line: line) }
  static func isSpace(_ byte: UInt8?) -> Bool { byte == 0x20 || byte == 0x09 }
  /// A space, a line's end or the text's.
  static func isBlank(_ byte: UInt8?) -> Bool { byte == nil || byte == 0x0A || isSpace(byte) }

  mutating func newLine() {
    at += 1
    lineStart = at
    line += 1
  }

  mutating func skipSpaces() { while Self.isSpace(peek) { at += 1 } }

  /// Whether a comment begins here.
  var isComment: Bool {
    peek == UInt8(ascii: "#") && (at == lineStart || Self.isSpace(bytes[at - 1]))
  }

  /// Passes over the rest of a line that holds nothing but a comment.
  mutating func endLine() throws(Malformed) {
    skipSpaces()
    if isComment { at = bytes[at...].firstIndex(of: 0x0A) ?? bytes.count }
    guard peek == nil || peek == 0x0A else { throw failure("unexpected text behind a value") }
  }

  /// Steps from a value's end to what follows on a later line. A block has made the step already.
  private mutating func endValue() throws(Malformed) {
    if !bytes[lineStart..<at].allSatisfy({ Self.isSpace($0) }) { try endLine() }
    try skipToContent()
  }

  /// Steps to the next byte that means something, over blank lines and comments.
  mutating func skipToContent() throws(Malformed) {
    while true {
      skipSpaces()
      if isComment { try endLine() }
      guard peek == 0x0A else { break }
      newLine()
    }
    if peek != nil, bytes[lineStart..<at].contains(0x09), bytes[lineStart..<at].allSatisfy({ Self.isSpace($0) }) {
      throw failure("a tab in the indentation")
    }
  }

  // MARK: Blocks

  /// The value that begins here, in a block whose parent stands at column `parent`.
  mutating func node(behind parent: Int) throws(Malformed) -> YAMLValue {
    guard depth < Self.maximumDepth else { throw failure("nesting is too deep") }
    depth += 1
    defer { depth -= 1 }
    if isItem { return try sequence(column) }
    if peek == UInt8(ascii: "?"), Self.isBlank(peek(1)) { throw failure("explicit keys are not supported") }
    if isKey { return try mapping(column) }
    return try inline(behind: parent)
  }

  /// Whether an item of a block sequence begins here.
  private var isItem: Bool { peek == UInt8(ascii: "-") && Self.isBlank(peek(1)) }

  /// Whether a key of a block mapping begins here.
  private var isKey: Bool {
    var ahead = self
    switch peek {
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      guard (try? ahead.quoted()) != nil, ahead.line == line else { return false }
      ahead.skipSpaces()
      return ahead.peek == UInt8(ascii: ":") && Self.isBlank(ahead.peek(1))
    case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "|"), UInt8(ascii: ">"): return false
    default: return ahead.plainLine(inFlow: false).endsAtColon
    }
  }

  private mutating func mapping(_ column: Int) throws(Malformed) -> YAMLValue {
    var members: [YAMLValue.Member] = []
    var names: Set<String> = []
    while true {
      guard isKey else { throw failure(isItem ? "an item where a key must be" : "a key is expected") }
      let name = try key()
      guard names.insert(name).inserted else { throw failure("the key \(name.prefix(80)) is there twice") }
      skipSpaces()
      // isKey has seen it.
      at += 1
      members.append(.init(name: name, value: try value(of: column)))
      try endValue()
      guard peek != nil, self.column >= column else { return .map(members) }
      guard self.column == column else { throw failure("wrong indentation") }
    }
  }

  mutating func key() throws(Malformed) -> String {
    if peek == UInt8(ascii: "\"") || peek == UInt8(ascii: "'") { return try quoted() }
    try refuseIndicators()
    return plainLine(inFlow: false).text
  }

  /// What stands behind the colon of a key at `column`, or below it.
  private mutating func value(of column: Int) throws(Malformed) -> YAMLValue {
    skipSpaces()
    guard peek == nil || peek == 0x0A || isComment else {
      guard !isItem else { throw failure("an item on the line of its key") }
      return try inline(behind: column)
    }
    try endLine()
    var ahead = self
    try ahead.skipToContent()
    guard ahead.peek != nil else { return .null }
    // SPIRE: kubectl writes the items of a list as far left as its key.
    guard ahead.column > column || (ahead.column == column && ahead.isItem) else { return .null }
    self = ahead
    return try node(behind: column)
  }

  private mutating func sequence(_ column: Int) throws(Malformed) -> YAMLValue {
    var items: [YAMLValue] = []
    while true {
      at += 1
      while peek == 0x20 { at += 1 }
      if peek == nil || peek == 0x0A || isComment {
        try endLine()
        var ahead = self
        try ahead.skipToContent()
        if ahead.peek != nil, ahead.column > column {
          self = ahead
          items.append(try node(behind: column))
        } else {
          items.append(.null)
        }
      } else {
        items.append(try node(behind: column))
      }
      try endValue()
      guard peek != nil, self.column >= column else { return .list(items) }
      guard self.column == column else { throw failure("wrong indentation") }
      guard isItem else { return .list(items) }
    }
  }

  /// A value that begins on this line and is no block collection.
  private mutating func inline(behind parent: Int) throws(Malformed) -> YAMLValue {
    switch peek {
    case UInt8(ascii: "{"), UInt8(ascii: "["): return try flow()
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return .text(try quoted(), isPlain: false)
    case UInt8(ascii: "|"), UInt8(ascii: ">"): return .text(try blockScalar(behind: parent), isPlain: false)
    default: return try plain(behind: parent)
    }
  }
}
