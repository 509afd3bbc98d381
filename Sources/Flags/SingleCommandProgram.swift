/// A program that is one command: it has flags and no words. Its pages are written as those of the others, by the hidden
/// word `docs`.
package struct SingleCommandProgram: Sendable {
  private let program: String
  private let command: any Command

  package init(program: String, command: any Command) {
    self.program = program
    self.command = command
  }

  /// Runs the command with `arguments` (without the program's name), and returns the exit code.
  package func run(_ arguments: [String], io: CommandIO) async -> Int32 {
    guard arguments.first == "docs" else { return await command.execute(arguments, io: io) }
    let description = CommandDescription(program: program, words: "", command: command)
    return await DocsCommand(program: program, about: "", commands: [description])
      .execute(Array(arguments.dropFirst()), io: io)
  }
}
