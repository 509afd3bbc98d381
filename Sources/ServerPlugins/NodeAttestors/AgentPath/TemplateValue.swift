/// What a template works on. Text remembers whether a slash in it came from a node, which must not add a segment to an
/// agent's path.
indirect enum TemplateValue: Hashable, Sendable {
  case none
  case bool(Bool)
  case integer(Int)
  case string(String, foreignSlash: Bool)
  case list([TemplateValue])
  case map([String: TemplateValue])

  /// Text of the operator or of the plugin.
  static func text(_ text: String) -> TemplateValue { .string(text, foreignSlash: false) }
  /// Text of a node.
  static func foreign(_ text: String) -> TemplateValue { .string(text, foreignSlash: text.contains("/")) }

  /// Text that was made of other values: a slash that is left may be one of theirs.
  static func made(_ text: String, of values: [TemplateValue]) -> TemplateValue {
    .string(text, foreignSlash: text.contains("/") && values.contains(where: \.hasForeignSlash))
  }

  var hasForeignSlash: Bool {
    switch self {
    case .string(_, let foreign): foreign
    case .list(let items): items.contains(where: \.hasForeignSlash)
    case .map(let members): members.values.contains(where: \.hasForeignSlash)
    case .none, .bool, .integer: false
    }
  }

  /// Go's truth: not zero, not empty.
  var isTrue: Bool {
    switch self {
    case .none: false
    case .bool(let bool): bool
    case .integer(let number): number != 0
    case .string(let text, _): !text.isEmpty
    case .list(let items): !items.isEmpty
    case .map(let members): !members.isEmpty
    }
  }

  /// As Go's `fmt.Print` writes it.
  var printed: String {
    switch self {
    case .none: "<no value>"
    case .bool(let bool): bool ? "true" : "false"
    case .integer(let number): "\(number)"
    case .string(let text, _): text
    case .list(let items): "[" + items.map(\.printed).joined(separator: " ") + "]"
    case .map(let members):
      "map[" + members.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value.printed)" }.joined(separator: " ") + "]"
    }
  }

  var kind: String {
    switch self {
    case .none: "nil"
    case .bool: "bool"
    case .integer: "int"
    case .string: "string"
    case .list: "list"
    case .map: "map"
    }
  }
}
