/// What a template works on. Lists and what a node says are values; the dictionaries that a template makes are places in
/// ``TemplateMemory``, since `set` and its like change them.
indirect enum TemplateValue: Sendable {
  case none
  case bool(Bool)
  case integer(Int)
  case float(Double)
  case string(TemplateText)
  /// Bytes of a node, such as a key identifier.
  case bytes([UInt8])
  case items([TemplateValue], depth: Int)
  case members(TemplateMembers)
  /// Its number in the memory.
  case dictionary(Int)

  /// Text of the operator or of the plugin.
  static func text(_ text: String) -> TemplateValue { .string(TemplateText(text)) }

  /// Text of a node.
  static func foreign(_ text: String) -> TemplateValue {
    var foreign = TemplateText(text)
    foreign.isForeign = true
    foreign.hasForeignSlash = foreign.bytes.contains(TemplateText.slash)
    return .string(foreign)
  }

  static func list(_ items: [TemplateValue]) -> TemplateValue {
    .items(items, depth: 1 + (items.map(\.depth).max() ?? 0))
  }

  /// A map of texts by names that come from the node, or the fields of something.
  static func map(_ members: [String: TemplateValue]) -> TemplateValue { .members(TemplateMembers(members)) }

  /// Fields of something that Go prints as `shown`; not to be walked through.
  static func structure(_ members: [String: TemplateValue], shown: String? = nil) -> TemplateValue {
    .members(TemplateMembers(members, isStructure: true, shown: shown))
  }

  /// A whole number that may be larger than any integer: a certificate's serial number.
  static func large(decimal: String, bytes: [UInt8]) -> TemplateValue {
    .members(
      TemplateMembers(
        ["String": .text(decimal)], isStructure: true, shown: decimal, number: Array(bytes.drop { $0 == 0 })))
  }

  /// How many lists stand in each other.
  var depth: Int {
    switch self {
    case .items(_, let depth): depth
    case .members(let members): members.depth
    default: 0
    }
  }

  /// As Go's `%T` names it.
  var type: String {
    switch self {
    case .none: "<nil>"
    case .bool: "bool"
    case .integer: "int"
    case .float: "float64"
    case .string: "string"
    case .bytes: "[]uint8"
    case .items: "[]interface {}"
    case .members(let members): members.isStructure ? "struct" : "map[string]string"
    case .dictionary: "map[string]interface {}"
    }
  }

  /// As Go's reflection names the kind.
  var kind: String {
    switch self {
    case .none: "invalid"
    case .float: "float64"
    case .bytes, .items: "slice"
    case .members(let members): members.isStructure ? "struct" : "map"
    case .dictionary: "map"
    default: type
    }
  }
}

/// Named values that a template can read and not change: fields of a certificate, tags of an instance. A value.
struct TemplateMembers: Sendable {
  let named: [String: TemplateValue]
  /// A Go struct: it cannot be walked through, and a name that is not there is another mistake than in a map.
  let isStructure: Bool
  /// What Go prints for it, where it has a way of its own.
  let shown: String?
  /// The bytes of a whole number, for what formats numbers.
  let number: [UInt8]?
  let depth: Int

  init(_ named: [String: TemplateValue], isStructure: Bool = false, shown: String? = nil, number: [UInt8]? = nil) {
    self.number = number
    self.named = named
    self.isStructure = isStructure
    self.shown = shown
    depth = 1 + (named.values.map(\.depth).max() ?? 0)
  }
}
