/// Collections in brackets, as JSON writes all of them.
extension YAMLReader {
  mutating func flow() throws(Malformed) -> YAMLValue {
    guard depth < Self.maximumDepth else { throw failure("nesting is too deep") }
    depth += 1
    defer { depth -= 1 }
    switch peek {
    case UInt8(ascii: "{"): return try flowMap()
    case UInt8(ascii: "["): return try flowList()
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return .text(try quoted(), isPlain: false)
    default:
      try refuseIndicators()
      let plain = plainLine(inFlow: true)
      guard !plain.endsAtColon else { throw failure("a map in a list needs its braces") }
      return Self.scalar(plain.text)
    }
  }

  /// Whether the collection goes on behind an element, or closes.
  private mutating func goesOn(_ closing: UInt8) throws(Malformed) -> Bool {
    try skipInFlow()
    if peek == closing {
      at += 1
      return false
    }
    guard peek == UInt8(ascii: ",") else { throw failure("expected ',' or a closing bracket") }
    at += 1
    try skipInFlow()
    guard peek == closing else { return true }
    at += 1
    return false
  }

  /// Steps over white space, line ends and comments.
  private mutating func skipInFlow() throws(Malformed) {
    while true {
      skipSpaces()
      if isComment { try endLine() }
      guard peek == 0x0A else { break }
      newLine()
    }
    guard peek != nil else { throw failure("a bracket is not closed") }
  }

  private mutating func flowList() throws(Malformed) -> YAMLValue {
    at += 1
    try skipInFlow()
    var items: [YAMLValue] = []
    if peek == UInt8(ascii: "]") {
      at += 1
      return .list([])
    }
    repeat { items.append(try flow()) } while try goesOn(UInt8(ascii: "]"))
    return .list(items)
  }

  private mutating func flowMap() throws(Malformed) -> YAMLValue {
    at += 1
    try skipInFlow()
    var members: [YAMLValue.Member] = []
    var names: Set<String> = []
    if peek == UInt8(ascii: "}") {
      at += 1
      return .map([])
    }
    repeat {
      let name: String
      if peek == UInt8(ascii: "\"") || peek == UInt8(ascii: "'") {
        name = try quoted()
      } else {
        try refuseIndicators()
        name = plainLine(inFlow: true).text
      }
      guard names.insert(name).inserted else { throw failure("the key \(name.prefix(80)) is there twice") }
      try skipInFlow()
      var value = YAMLValue.null
      if peek == UInt8(ascii: ":") {
        at += 1
        try skipInFlow()
        if peek != UInt8(ascii: ","), peek != UInt8(ascii: "}") { value = try flow() }
      }
      members.append(.init(name: name, value: value))
    } while try goesOn(UInt8(ascii: "}"))
    return .map(members)
  }
}
