import GoSyntax

/// The commands of a program under the words that select them (`entry create`), and what happens with a command line
/// that selects none of them.
///
/// The rules, texts and exit codes are those of the command-line library that SPIRE's programs use: help and version
/// go to standard error; no command or an unknown one lists the commands and exits 127; a namespace alone (`entry`)
/// lists its subcommands and exits 1; `-h` exits 0.
package struct CommandTree: Sendable {
  private let program: String
  private let version: String
  private let commands: [String: any Command]
  /// The commands as completion and documentation see them, sorted by their words.
  package let descriptions: [CommandDescription]
  /// Every word sequence that is a command or leads to one.
  private let nodes: Set<String>
  private let completer: Completer
  private let hasHelp: Bool

  /// - Parameters:
  ///   - version: what `--version` prints.
  ///   - hasHelp: whether `help <command>` is the same as `<command> -h`. SPIRE's programs do not have it.
  ///   - about: what the program is, for the first page of its documentation.
  ///   - commands: the commands under their full names, such as `entry create`. Those that complete command lines and
  ///     write the documentation are added here.
  package init(
    program: String, version: String, about: String = "", hasHelp: Bool = false, commands: [String: any Command]
  ) {
    self.program = program
    self.version = version
    self.hasHelp = hasHelp
    var all = commands
    for shell in CompletionScript.Shell.allCases {
      let script = CompletionScript(program: program, shell: shell)
      all[script.name] = script
    }
    descriptions = all.sorted { $0.key < $1.key }.map { words, command in
      CommandDescription(program: program, words: words, command: command)
    }
    completer = Completer(commands: descriptions)
    all["completion candidates"] = CompletionCandidates(completer: completer)
    all["docs"] = DocsCommand(program: program, about: about, commands: descriptions)
    self.commands = all
    var nodes: Set<String> = []
    for name in all.keys {
      let words = name.split(separator: " ")
      for length in words.indices { nodes.insert(words[...length].joined(separator: " ")) }
    }
    self.nodes = nodes
  }

  /// Runs the command that `arguments` (without the program's name) select, and returns the exit code.
  package func run(_ arguments: [String], io: CommandIO) async -> Int32 {
    // SPIRE: `complete -C`, which upstream's `-autocomplete-install` sets up, asks the program through the environment.
    if let line = io.environment["COMP_LINE"], !line.isEmpty {
      CompletionCandidates.print(completer, line: line, point: io.environment["COMP_POINT"], io: io)
      return 0
    }
    if hasHelp && arguments.first == "help" { return await run(arguments.dropFirst() + ["-h"], io: io) }
    let line = CommandLineWords(arguments, nodes: nodes)
    if line.wantsVersion {
      io.err(version + "\n")
      return 0
    }
    if line.command == nil, let flag = line.flagsBeforeCommand.first(where: { $0.contains("autocomplete-") }) {
      return installCompletion(flag, io: io)
    }
    guard let name = line.command else {
      io.err(overview() + "\n")
      return line.wantsHelp ? 0 : 127
    }
    guard nodes.contains(name) else {
      if line.wantsHelp {
        io.err(overview() + "\n")
      } else {
        io.err(overview() + "\n" + unknown(name))
      }
      return 127
    }
    if line.wantsHelp {
      io.err(help(name))
      return 0
    }
    if !line.flagsBeforeCommand.isEmpty {
      io.err(
        "Invalid flags before the subcommand. If these flags are for\n"
          + "the subcommand, please put them after the subcommand.\n\n" + help(name))
      return 1
    }
    guard let command = commands[name] else {
      io.err(help(name))
      if let word = line.arguments.first, !word.hasPrefix("-") { io.err("\n" + unknown("\(name) \(word)")) }
      return 1
    }
    return await command.execute(line.arguments, io: io)
  }

  /// The program's usage line and its first-level commands.
  private func overview() -> String {
    "Usage: \(program) [--version] [--help] <command> [<args>]\n\nAvailable commands are:\n"
      + list(children(of: "")) + "\n"
  }

  /// What `<command> -h` prints: the flags' usage, or the namespace's subcommands.
  private func help(_ name: String) -> String {
    var text =
      commands[name].map { $0.usage + "flag: help requested" }
      ?? "This command is accessed by using one of the subcommands below."
    let children = children(of: name)
    if !children.isEmpty { text += "\n\nSubcommands:\n" + list(children) }
    return text + "\n"
  }

  private func installCompletion(_ flag: String, io: CommandIO) -> Int32 {
    let installation = CompletionInstallation(program: program, environment: io.environment)
    do {
      switch flag.drop(while: { $0 == "-" }) {
      case "autocomplete-install": try installation.install().forEach { io.print($0) }
      case "autocomplete-uninstall": try installation.uninstall().forEach { io.print($0) }
      default:
        io.err(overview() + "\n")
        return 127
      }
      return 0
    } catch {
      io.printError((error as? CommandFailure)?.text ?? "Error: \(error)")
      return 1
    }
  }

  private func children(of parent: String) -> [String] {
    nodes.filter { node in
      if commands[node]?.isHidden == true { return false }
      guard let space = node.utf8.lastIndex(of: UInt8(ascii: " ")) else { return parent.isEmpty }
      return node[..<space] == parent
    }.sorted()
  }

  private func list(_ nodes: [String]) -> String {
    let names = nodes.map { $0.split(separator: " ").last.map(String.init) ?? $0 }
    let width = names.map(\.utf8.count).max() ?? 0
    return zip(nodes, names).map { node, name in
      let padding = String(repeating: " ", count: width - name.utf8.count)
      return "    \(name)\(padding)    \(commands[node]?.synopsis ?? "")"
    }.joined(separator: "\n")
  }

  /// One line more than upstream prints: which command was not found, and the nearest one.
  private func unknown(_ name: String) -> String {
    let parent = name.split(separator: " ").dropLast().joined(separator: " ")
    let nearest = children(of: parent).map { ($0, EditDistance.between($0, name)) }.min { $0.1 < $1.1 }
    let hint = nearest.flatMap { $0.1 <= 2 ? ". Did you mean \"\($0.0)\"?" : nil } ?? ""
    return "Unknown command \(GoQuote.string(name))\(hint)\n"
  }
}
