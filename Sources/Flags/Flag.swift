/// One flag of a command: its name, its usage text, and where a value given on the command line goes.
///
/// A command lists its flags in ``Command/flags``; the flags of one command share the `Options` value they write into.
/// The syntax, the usage text and the error texts are those of Go's `flag` package, which scripts around SPIRE match on.
package struct Flag<Options>: Sendable {
  /// How the value is written in the usage text.
  enum Presentation: Sendable {
    /// Takes no separate argument; a default of `true` is shown.
    case boolean
    /// The default is shown in quotes.
    case text
    /// The default is shown as it is; the string names the value's type.
    case plain(String)
    /// Not a flag: takes what follows the flags, and does not appear in the usage text.
    case rest
  }

  let name: String
  let usage: String
  let presentation: Presentation
  /// What the value is, for completion and documentation.
  private(set) var kind: ArgumentKind
  let isRepeatable: Bool
  /// The default as the usage text shows it, or the empty string when it is the type's zero value.
  let defaultText: @Sendable (Options) -> String
  let set: @Sendable (inout Options, String) throws -> Void

  init(
    _ name: String, _ usage: String, _ presentation: Presentation, _ kind: ArgumentKind, isRepeatable: Bool = false,
    defaultText: @escaping @Sendable (Options) -> String,
    set: @escaping @Sendable (inout Options, String) throws -> Void
  ) {
    self.name = name
    self.usage = usage
    self.presentation = presentation
    self.kind = kind
    self.isRepeatable = isRepeatable
    self.defaultText = defaultText
    self.set = set
  }

  /// The same flag, whose value is said to be of `kind`.
  package func takes(_ kind: ArgumentKind) -> Flag {
    var flag = self
    flag.kind = kind
    return flag
  }

  var isBoolean: Bool { if case .boolean = presentation { true } else { false } }
  var isRest: Bool { if case .rest = presentation { true } else { false } }
}

/// Why a flag's value was refused: the text after `invalid value "x" for flag -name: `.
package struct FlagValueError: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }

  static let syntax = FlagValueError("parse error")
  static let range = FlagValueError("value out of range")
}
