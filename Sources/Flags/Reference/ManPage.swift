/// The manual page of a command, or of a program, in roff with the `man` macros.
enum ManPage {
  static func command(_ command: CommandDescription) -> String {
    let name = pageName(command)
    var text = header(name)
    text += ".SH NAME\n\(escaped(name)) \\- \(escaped(command.synopsis))\n"
    text += ".SH SYNOPSIS\n.B \(escaped(command.title))\n"
    if !command.flags.isEmpty { text += ".RI [ flags ]\n" }
    if !command.details.isEmpty { text += ".SH DESCRIPTION\n" + paragraphs(command.details) }
    if !command.flags.isEmpty { text += ".SH OPTIONS\n" + command.flags.map(option).joined() }
    if !command.environment.isEmpty {
      text += ".SH ENVIRONMENT\n"
      for variable in command.environment { text += ".TP\n.B \(escaped(variable.name))\n\(line(variable.meaning))" }
    }
    if !command.examples.isEmpty {
      text += ".SH EXAMPLES\n"
      for example in command.examples {
        text += ".PP\n\(line(example.purpose + ":")).PP\n.nf\n.RS\n"
        text += example.commandLine(command.program).map(line).joined() + ".RE\n.fi\n"
      }
    }
    text += ".SH EXIT STATUS\n0 for success, 1 for a failure or a wrong flag.\n"
    if command.words.isEmpty { return text }
    return text + ".SH SEE ALSO\n.BR \(escaped(command.program)) (1)\n"
  }

  static func program(_ program: String, about: String, _ commands: [CommandDescription]) -> String {
    let summary = about.prefix { $0 != "." && $0 != "\n" }
    let about = about.prefix(1).uppercased() + about.dropFirst()
    var text = header(program)
    text += ".SH NAME\n\(escaped(program)) \\- \(escaped(String(summary)))\n"
    text += ".SH SYNOPSIS\n.B \(escaped(program))\n.I command\n.RI [ flags ]\n"
    text += ".SH DESCRIPTION\n" + paragraphs(about)
    text += ".SH COMMANDS\n"
    for command in commands { text += ".TP\n.B \(escaped(command.words))\n\(line(command.synopsis))" }
    text += ".SH EXIT STATUS\n"
    text += "0 for success and for help, 1 for a failure or a wrong flag, 127 for no command or an unknown one.\n"
    text += ".SH SEE ALSO\n"
    return text
      + commands.enumerated().map { index, command in
        ".BR \(escaped(pageName(command))) (1)\(index == commands.count - 1 ? "" : ",")\n"
      }.joined()
  }

  /// `spire-server-entry-create`.
  static func pageName(_ command: CommandDescription) -> String {
    command.title.replacing(" ", with: "-")
  }

  private static func header(_ name: String) -> String {
    ".\\\" Generated from the command's table; changes here are lost.\n"
      + ".TH \(escaped(name.uppercased())) 1 \"\" \"swift\\-spire\" \"User Commands\"\n.ad l\n.nh\n"
  }

  private static func option(_ flag: FlagDescription) -> String {
    var text = ".TP\n.BI \\-\(escaped(flag.name))"
    if !flag.placeholder.isEmpty { text += " \" \(escaped(flag.placeholder))\"" }
    text += "\n" + line(flag.usage)
    if case .oneOf(let words) = flag.kind { text += ".br\nValues: \(escaped(words.joined(separator: ", "))).\n" }
    if !flag.defaultText.isEmpty { text += ".br\nDefault: \(escaped(flag.defaultText))\n" }
    return text
  }

  private static func paragraphs(_ text: String) -> String {
    text.split(separator: "\n\n").map { ".PP\n" + line(String($0)) }.joined()
  }

  /// Text that begins a line: each of its lines is protected from being taken for a request.
  private static func line(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: true).map { line in
      let text = escaped(String(line))
      return (text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" : "") + text + "\n"
    }.joined()
  }

  /// Text without a meaning for roff; what stands in back quotes is bold.
  private static func escaped(_ text: String) -> String {
    text.split(separator: "`", omittingEmptySubsequences: false).enumerated().map { index, part in
      index % 2 == 0 ? plain(part) : "\\fB\(plain(part))\\fR"
    }.joined()
  }

  private static func plain(_ text: Substring) -> String {
    String(text).replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("\"", with: "\\(dq")
      .replacing("…", with: "\\&...")
  }
}

extension CommandExample {
  /// The lines to type.
  fileprivate func commandLine(_ program: String) -> [String] {
    "\(program) \(line)".split(separator: "\n").map(String.init)
  }
}
