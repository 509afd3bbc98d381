/// The kinds of flag that a command can declare.
extension Flag {
  package typealias Target<Value> = any WritableKeyPath<Options, Value> & Sendable

  /// `-name value`, any text.
  package static func string(_ name: String, _ target: Target<String>, _ usage: String) -> Flag {
    Flag(name, usage, .text, .text, defaultText: { $0[keyPath: target] }, set: { $0[keyPath: target] = $1 })
  }

  /// `-name value`, any text; `nil` tells "not given" from "given empty".
  package static func string(_ name: String, _ target: Target<String?>, _ usage: String) -> Flag {
    Flag(name, usage, .text, .text, defaultText: { $0[keyPath: target] ?? "" }, set: { $0[keyPath: target] = $1 })
  }

  /// `-name value`, which may be given more than once; every value is kept, in order.
  package static func strings(_ name: String, _ target: Target<[String]>, _ usage: String) -> Flag {
    Flag(
      name, usage, .plain("value"), .text, isRepeatable: true, defaultText: { _ in "" },
      set: { $0[keyPath: target].append($1) })
  }

  /// `-name n`: an integer in Go's notation (`12`, `-3`, `0x1f`, `0o17`, `0b11`, `1_000`).
  package static func int<Number: FixedWidthInteger & SendableMetatype>(
    _ name: String, _ target: Target<Number>, _ usage: String
  ) -> Flag {
    Flag(
      name, usage, .plain("int"), .integer,
      defaultText: { $0[keyPath: target] == 0 ? "" : String($0[keyPath: target]) },
      set: { $0[keyPath: target] = try GoInteger.parse($1) })
  }

  /// `-name n`, an integer; `nil` tells "not given" from zero.
  package static func int<Number: FixedWidthInteger & SendableMetatype>(
    _ name: String, _ target: Target<Number?>, _ usage: String
  ) -> Flag {
    Flag(
      name, usage, .plain("int"), .integer,
      defaultText: { $0[keyPath: target].map { $0 == 0 ? "" : String($0) } ?? "" },
      set: { $0[keyPath: target] = .some(try GoInteger.parse($1)) })
  }

  /// `-name`, `-name=true`, `-name=false`: takes no separate argument.
  package static func bool(_ name: String, _ target: Target<Bool>, _ usage: String) -> Flag {
    Flag(
      name, usage, .boolean, .boolean, defaultText: { $0[keyPath: target] ? "true" : "" },
      set: { $0[keyPath: target] = try parseBool($1) })
  }

  /// `-name`, `-name=false`; `nil` tells "not given" from `false`.
  package static func bool(_ name: String, _ target: Target<Bool?>, _ usage: String) -> Flag {
    Flag(
      name, usage, .boolean, .boolean, defaultText: { $0[keyPath: target] == true ? "true" : "" },
      set: { $0[keyPath: target] = .some(try parseBool($1)) })
  }

  /// `-name 1h30m`: a duration in Go's notation.
  package static func duration(_ name: String, _ target: Target<Duration>, _ usage: String) -> Flag {
    Flag(
      name, usage, .plain("duration"), .duration,
      defaultText: { $0[keyPath: target] == .zero ? "" : FlagDuration.format($0[keyPath: target]) },
      set: {
        guard let duration = FlagDuration.parse($1) else { throw FlagValueError.syntax }
        $0[keyPath: target] = duration
      })
  }

  /// `-name value` with a meaning of its own. `set` stores the value, and throws to refuse it: the error's description
  /// follows `invalid value "x" for flag -name: `.
  ///
  /// - Parameter defaultText: the default as the usage text shows it, empty for none.
  package static func custom(
    _ name: String, _ usage: String, defaultText: String = "",
    set: @escaping @Sendable (_ options: inout Options, _ value: String) throws -> Void
  ) -> Flag {
    Flag(name, usage, .plain("value"), .text, defaultText: { _ in defaultText }, set: set)
  }

  /// What follows the flags: without this declaration it is ignored.
  package static func rest(_ target: Target<[String]>) -> Flag {
    Flag("", "", .rest, .text, defaultText: { _ in "" }, set: { $0[keyPath: target].append($1) })
  }

  private static func parseBool(_ text: String) throws(FlagValueError) -> Bool {
    switch text {
    case "1", "t", "T", "true", "TRUE", "True": return true
    case "0", "f", "F", "false", "FALSE", "False": return false
    default: throw .syntax
    }
  }
}
