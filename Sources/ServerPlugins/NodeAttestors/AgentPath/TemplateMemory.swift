/// What one execution of a template has: the dictionaries that it made, and how much work is left to it. Each walk through
/// values takes from that, so that no template and no node makes an execution long or large. Owned by the execution.
struct TemplateMemory {
  /// Units of work of an execution: about one for each node, argument, element and eight bytes of text.
  static let allWork = 100_000
  /// Steps of regular expressions: one for each place of a pattern at each character.
  static let allSearchSteps = 2_000_000
  /// What any function may make. In bytes.
  static let maximumText = 8192
  static let maximumItems = 8192
  /// How many lists may stand in each other.
  static let maximumDepth = 32

  private var work = allWork
  var searchSteps = allSearchSteps
  private var dictionaries: [[[UInt8]: Entry]] = []

  struct Entry {
    let key: TemplateText
    var value: TemplateValue
  }

  mutating func spend(_ units: Int) throws(TemplateError) {
    work -= units
    guard work >= 0 else { throw TemplateError("the template takes too many steps") }
  }

  /// Refuses what is larger than anything a path is made of.
  mutating func admit(_ value: TemplateValue) throws(TemplateError) {
    switch value {
    case .string(let text):
      guard text.bytes.count <= Self.maximumText else {
        throw TemplateError("the text is longer than \(Self.maximumText) bytes")
      }
      try spend(text.bytes.count / 8)
    case .items(let items, let depth):
      guard items.count <= Self.maximumItems else {
        throw TemplateError("the list has more than \(Self.maximumItems) items")
      }
      guard depth <= Self.maximumDepth else { throw TemplateError("lists are nested too deeply") }
      try spend(items.count)
    default: break
    }
  }

  // MARK: Maps

  mutating func make(_ entries: [Entry]) throws(TemplateError) -> TemplateValue {
    try spend(1 + entries.count)
    dictionaries.append(Dictionary(entries.map { ($0.key.bytes, $0) }, uniquingKeysWith: { $1 }))
    return .dictionary(dictionaries.count - 1)
  }

  mutating func set(_ place: Int, _ key: TemplateText, _ value: TemplateValue) throws(TemplateError) {
    guard value.depth < Self.maximumDepth else { throw TemplateError("lists are nested too deeply") }
    try spend(1)
    dictionaries[place][key.bytes] = Entry(key: key, value: value)
  }

  mutating func remove(_ place: Int, _ key: [UInt8]) { dictionaries[place][key] = nil }

  /// The value below a key of a map or dictionary; nil where there is none, and for everything else.
  func member(_ key: [UInt8], of value: TemplateValue) -> TemplateValue? {
    switch value {
    case .dictionary(let place): dictionaries[place][key]?.value
    case .members(let members): members.named[String(decoding: key, as: UTF8.self)]
    default: nil
    }
  }

  /// What a map or dictionary holds, in the order of the keys' bytes; nil for everything else.
  mutating func entries(of value: TemplateValue) throws(TemplateError) -> [Entry]? {
    let all: [Entry]
    switch value {
    case .dictionary(let place): all = Array(dictionaries[place].values)
    case .members(let members) where !members.isStructure:
      all = members.named.map { name, value in
        // Who named it is not known: a name is as foreign as a value.
        var key = TemplateText(name)
        key.isForeign = true
        key.hasForeignSlash = key.bytes.contains(TemplateText.slash)
        return Entry(key: key, value: value)
      }
    default: return nil
    }
    try spend(all.count)
    return all.sorted { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }
  }

  func count(of value: TemplateValue) -> Int? {
    switch value {
    case .dictionary(let place): dictionaries[place].count
    case .members(let members) where !members.isStructure: members.named.count
    default: nil
    }
  }

  // MARK: Questions

  /// Go's truth: not zero, not empty.
  func isTrue(_ value: TemplateValue) -> Bool {
    switch value {
    case .none: false
    case .bool(let bool): bool
    case .integer(let number): number != 0
    case .float(let number): number != 0
    case .string(let text): !text.bytes.isEmpty
    case .bytes(let bytes): !bytes.isEmpty
    case .items(let items, _): !items.isEmpty
    case .members, .dictionary: count(of: value) != 0
    }
  }

  /// Whether something of a node is in one of the values, and whether a slash of a node is.
  mutating func origin(
    of values: [TemplateValue], depth: Int = 0
  ) throws(TemplateError) -> (isForeign: Bool, hasForeignSlash: Bool) {
    guard depth <= Self.maximumDepth else { throw TemplateError("values are nested too deeply") }
    try spend(values.count)
    var (isForeign, hasForeignSlash) = (false, false)
    for value in values {
      switch value {
      case .string(let text):
        isForeign = isForeign || text.isForeign
        hasForeignSlash = hasForeignSlash || text.hasForeignSlash
      case .bytes(let bytes):
        isForeign = true
        hasForeignSlash = hasForeignSlash || bytes.contains(TemplateText.slash)
      case .items, .members, .dictionary:
        let inner = try origin(of: inside(value), depth: depth + 1)
        isForeign = isForeign || inner.isForeign
        hasForeignSlash = hasForeignSlash || inner.hasForeignSlash
      case .none, .bool, .integer, .float: break
      }
    }
    return (isForeign, hasForeignSlash)
  }

  private mutating func inside(_ value: TemplateValue) throws(TemplateError) -> [TemplateValue] {
    switch value {
    case .items(let items, _): return items
    case .members(let members):
      let shown = members.shown.map { [TemplateValue.foreign($0)] } ?? []
      if members.isStructure { return Array(members.named.values) + shown }
      return try entries(of: value)?.flatMap { [.string($0.key), $0.value] } ?? []
    default: return try entries(of: value)?.flatMap { [.string($0.key), $0.value] } ?? []
    }
  }

  /// Go's `reflect.DeepEqual`.
  mutating func areEqual(_ a: TemplateValue, _ b: TemplateValue, depth: Int = 0) throws(TemplateError) -> Bool {
    guard depth <= Self.maximumDepth else { throw TemplateError("values are nested too deeply") }
    try spend(1)
    switch (a, b) {
    case (.none, .none): return true
    case (.bool(let x), .bool(let y)): return x == y
    case (.integer(let x), .integer(let y)): return x == y
    case (.float(let x), .float(let y)): return x == y
    case (.string(let x), .string(let y)):
      try spend(min(x.bytes.count, y.bytes.count) / 64)
      return x.bytes == y.bytes
    case (.bytes(let x), .bytes(let y)): return x == y
    case (.items(let x, _), .items(let y, _)):
      guard x.count == y.count else { return false }
      for (one, other) in zip(x, y) { guard try areEqual(one, other, depth: depth + 1) else { return false } }
      return true
    case (.dictionary(let x), .dictionary(let y)) where x == y: return true
    default:
      guard let x = try entries(of: a), let y = try entries(of: b), x.count == y.count else { return false }
      for (one, other) in zip(x, y) {
        guard one.key.bytes == other.key.bytes, try areEqual(one.value, other.value, depth: depth + 1) else {
          return false
        }
      }
      return true
    }
  }

  // MARK: Printing

  /// As Go's `fmt.Print` writes it.
  mutating func printed(_ value: TemplateValue, depth: Int = 0) throws(TemplateError) -> [UInt8] {
    guard depth <= Self.maximumDepth else { throw TemplateError("values are nested too deeply") }
    let text: [UInt8]
    switch value {
    case .none: text = Array("<nil>".utf8)
    case .bool(let bool): text = Array("\(bool)".utf8)
    case .integer(let number): text = Array("\(number)".utf8)
    case .float(let number): text = Array(GoFormat.shortest(number).utf8)
    case .string(let string): text = string.bytes
    case .bytes(let bytes): text = Array("[\(bytes.map { "\($0)" }.joined(separator: " "))]".utf8)
    case .items(let items, _):
      var parts: [[UInt8]] = []
      for item in items { parts.append(try printed(item, depth: depth + 1)) }
      text = Array("[".utf8) + parts.joined(separator: [0x20]) + Array("]".utf8)
    case .members(let members) where members.isStructure:
      guard let shown = members.shown else { throw TemplateError("this has fields and no text of its own") }
      text = Array(shown.utf8)
    case .members, .dictionary:
      var parts: [[UInt8]] = []
      for entry in try entries(of: value) ?? [] {
        parts.append(entry.key.bytes + [UInt8(ascii: ":")] + (try printed(entry.value, depth: depth + 1)))
      }
      text = Array("map[".utf8) + parts.joined(separator: [0x20]) + Array("]".utf8)
    }
    try spend(1 + text.count / 8)
    guard text.count <= Self.maximumText else {
      throw TemplateError("the text is longer than \(Self.maximumText) bytes")
    }
    return text
  }
}
