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
  /// Every word sequence that is a command or leads to one.
  private let nodes: Set<String>

  /// - Parameters:
  ///   - version: what `--version` prints.
  ///   - commands: the commands under their full names, such as `entry create`.
  package init(program: String, version: String, commands: [String: any Command]) {
    self.program = program
    self.version = version
    self.commands = commands
    var nodes: Set<String> = []
    for name in commands.keys {
      let words = name.split(separator: " ")
      for length in words.indices { nodes.insert(words[...length].joined(separator: " ")) }
    }
    self.nodes = nodes
  }

  /// Runs the command that `arguments` (without the program's name) select, and returns the exit code.
  package func run(_ arguments: [String], io: CommandIO) async -> Int32 {
    let line = CommandLineWords(arguments, nodes: nodes)
    if line.wantsVersion {
      io.err(version + "\n")
      return 0
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

  private func children(of parent: String) -> [String] {
    nodes.filter { node in
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
    return "Unknown command \(GoQuote.quote(name))\(hint)\n"
  }
}
