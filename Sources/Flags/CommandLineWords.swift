/// A command line taken apart: which command it selects, and what belongs to that command.
struct CommandLineWords {
  /// The command's words; the first word when no command is known under it; nil when there is no word at all.
  private(set) var command: String?
  /// What follows the command's words.
  private(set) var arguments: [String] = []
  private(set) var flagsBeforeCommand: [String] = []
  private(set) var wantsHelp = false
  private(set) var wantsVersion = false

  init(_ line: [String], nodes: Set<String>) {
    var index = 0
    while index < line.count, line[index] != "--" {
      let word = line[index]
      index += 1
      if ["-h", "-help", "--help"].contains(word) {
        wantsHelp = true
      } else if command == nil && ["-v", "-version", "--version"].contains(word) {
        wantsVersion = true
      } else if command == nil && word.hasPrefix("-") {
        flagsBeforeCommand.append(word)
      } else if command == nil && !word.isEmpty {
        var name = word
        while index < line.count, nodes.contains("\(name) \(line[index])") {
          name += " " + line[index]
          index += 1
        }
        command = name
        arguments = Array(line[index...])
      }
    }
  }
}
