/// A value in a configuration file and where it stands.
package struct HCLValue: Sendable {
  package enum Kind: Sendable {
    /// A quoted string or a heredoc, its escapes resolved; `${…}` is kept as it was written.
    case string(String)
    /// An integer as written: decimal, `0x` hexadecimal or `0` octal, with an optional minus sign.
    case number(String)
    /// A number with a fraction or an exponent, as written.
    case float(String)
    case bool(Bool)
    /// JSON's `null`.
    case null
    case list([HCLValue])
    case object(HCLObject)
  }

  package let kind: Kind
  package let position: HCLPosition

  package init(_ kind: Kind, at position: HCLPosition) {
    self.kind = kind
    self.position = position
  }

  /// How a message calls a value of this kind.
  var kindName: String {
    switch kind {
    case .string: "a string"
    case .number, .float: "a number"
    case .bool: "a bool"
    case .null: "null"
    case .list: "a list"
    case .object: "an object"
    }
  }
}

/// The items between two braces, or of a whole file, in their order.
package struct HCLObject: Sendable {
  package let items: [HCLItem]
  package let position: HCLPosition

  package init(items: [HCLItem], at position: HCLPosition) {
    self.items = items
    self.position = position
  }
}

/// One `key = value`, `key { … }` or `key "label" { … }`.
package struct HCLItem: Sendable {
  /// A key or a label.
  package struct Key: Sendable {
    package let text: String
    package let position: HCLPosition

    package init(_ text: String, at position: HCLPosition) {
      self.text = text
      self.position = position
    }
  }

  /// The key, then the labels; never empty.
  package let keys: [Key]
  package let value: HCLValue

  package init(keys: [Key], value: HCLValue) {
    self.keys = keys
    self.value = value
  }
}
