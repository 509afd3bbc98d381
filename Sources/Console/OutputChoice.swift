import Daemon
package import Flags
import SPIFFE

/// What the `-output` flag chose: text for people, or JSON for programs.
package struct OutputChoice: Sendable {
  package enum Format: String, Sendable {
    case pretty
    case json
  }

  package private(set) var format = Format.pretty
  private var isChosen = false

  package init() {}

  /// Takes the flag's value: `pretty` (or `prettyprint`) or `json` in any case, and no other one afterwards.
  package mutating func choose(_ value: String) throws(FlagValueError) {
    let chosen: Format
    switch value.lowercased() {
    case "pretty", "prettyprint": chosen = .pretty
    case "json": chosen = .json
    default: throw FlagValueError("bad formatter flag: unknown format option: \(GoText.quote(value))")
    }
    if isChosen && chosen != format {
      throw FlagValueError("bad formatter flag: the output format has already been set to \"\(format.rawValue)\"")
    }
    isChosen = true
    format = chosen
  }

  /// Prints the messages as one line of JSON (several as an array), or lets `pretty` print them for people.
  package func print(
    _ messages: any ProtoJSON..., to io: CommandIO, pretty: () throws -> Void
  ) rethrows {
    switch format {
    case .pretty: try pretty()
    case .json:
      let values = messages.map(\.json.withoutNullMembers)
      let json = values.count == 1 ? values[0] : .array(values)
      io.print(json.text(.sorted))
    }
  }
}

/// The options of a command that prints a result in either form.
package protocol PrintingOptions: CommandOptions {
  var output: OutputChoice { get set }
}

extension Flag where Options: PrintingOptions {
  /// `-output pretty|json`, or a flag of the same meaning under another name.
  package static func output(_ name: String = "output") -> Flag {
    .custom(name, "Form of the output: pretty or json (default pretty)") { options, value in
      try options.output.choose(value)
    }.takes(.oneOf(["pretty", "json"]))
  }
}
