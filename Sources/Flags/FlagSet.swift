import GoSyntax

/// The flags of one command under one name: parses a command line into `Options` and writes the usage text.
///
/// Parsing follows Go's `flag` package: one or two dashes, `-x=v` or `-x v`, boolean flags without a separate value,
/// the last of several values wins, and the first argument that is not a flag (or `--`) ends the flags.
package struct FlagSet<Options>: Sendable {
  package let name: String
  private let flags: [String: Flag<Options>]
  private let rest: Flag<Options>?

  package init(_ name: String, _ flags: [Flag<Options>]) {
    self.name = name
    rest = flags.first(where: \.isRest)
    self.flags = Dictionary(
      flags.filter { !$0.isRest }.map { ($0.name, $0) }, uniquingKeysWith: { _, last in last })
  }

  /// Reads `arguments` into `options`.
  ///
  /// - Throws: ``FlagError`` with Go's text; `options` then holds the values read up to the fault.
  package func parse(_ arguments: [String], into options: inout Options) throws(FlagError) {
    var remaining = arguments[...]
    while let argument = remaining.first, argument.utf8.count >= 2, argument.utf8.first == UInt8(ascii: "-") {
      remaining = remaining.dropFirst()
      if argument == "--" { break }
      let body = argument.utf8.dropFirst(argument.hasPrefix("--") ? 2 : 1)
      guard let first = body.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "=") else {
        throw FlagError(.syntax, "bad flag syntax: \(argument)")
      }
      let equals = body.firstIndex(of: UInt8(ascii: "="))
      let name = String(Substring(body[..<(equals ?? body.endIndex)]))
      let value = equals.map { String(Substring(body[body.index(after: $0)...])) }
      try set(name, value, &remaining, &options)
    }
    guard let rest else { return }
    for argument in remaining { try assign(rest, argument, &options) }
  }

  private func set(
    _ name: String, _ value: String?, _ remaining: inout ArraySlice<String>, _ options: inout Options
  ) throws(FlagError) {
    guard let flag = flags[name] else {
      if name == "help" || name == "h" { throw FlagError(.help, "flag: help requested") }
      throw FlagError(.undefined, "flag provided but not defined: -\(name)")
    }
    if let value { return try assign(flag, value, &options) }
    if flag.isBoolean { return try assign(flag, "true", &options) }
    guard let next = remaining.popFirst() else {
      throw FlagError(.missingValue, "flag needs an argument: -\(name)")
    }
    try assign(flag, next, &options)
  }

  private func assign(_ flag: Flag<Options>, _ value: String, _ options: inout Options) throws(FlagError) {
    do {
      try flag.set(&options, value)
    } catch {
      let quoted = GoQuote.string(value)
      let what = flag.isBoolean ? "boolean value \(quoted) for" : "value \(quoted) for flag"
      throw FlagError(.value, "invalid \(what) -\(flag.name): \(error)")
    }
  }

  /// `Usage of <name>:` and one paragraph per flag, sorted by name, as Go's `PrintDefaults` writes them.
  package func usage(defaults: Options) -> String {
    var text = name.isEmpty ? "Usage:\n" : "Usage of \(name):\n"
    for flag in sorted { text += paragraph(flag, defaults) }
    return text
  }

  /// The flags as completion and documentation see them, in the order of the usage text.
  package func descriptions(defaults: Options) -> [FlagDescription] {
    sorted.map { flag in
      let (placeholder, usage) = unquote(flag)
      return FlagDescription(
        name: flag.name, placeholder: placeholder, usage: usage, defaultText: flag.defaultText(defaults),
        kind: flag.kind, isRepeatable: flag.isRepeatable)
    }
  }

  private var sorted: [Flag<Options>] {
    flags.values.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  private func paragraph(_ flag: Flag<Options>, _ defaults: Options) -> String {
    let (placeholder, usage) = unquote(flag)
    var text = "  -\(flag.name)"
    if !placeholder.isEmpty { text += " " + placeholder }
    text += text.utf8.count <= 4 ? "\t" : "\n    \t"
    for character in usage {
      text.append(character)
      if character == "\n" { text += "    \t" }
    }
    let value = flag.defaultText(defaults)
    if !value.isEmpty {
      if case .text = flag.presentation {
        text += " (default \(GoQuote.string(value)))"
      } else {
        text += " (default \(value))"
      }
    }
    return text + "\n"
  }

  /// The value's name (in back quotes in the usage text, else the type) and the usage text without the back quotes.
  private func unquote(_ flag: Flag<Options>) -> (String, String) {
    let parts = flag.usage.split(separator: "`", maxSplits: 2, omittingEmptySubsequences: false)
    if parts.count == 3 { return (String(parts[1]), parts.joined()) }
    switch flag.presentation {
    case .boolean, .rest: return ("", flag.usage)
    case .text: return ("string", flag.usage)
    case .plain(let type): return (type, flag.usage)
    }
  }
}
