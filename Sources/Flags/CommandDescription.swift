/// A command as completion, usage and documentation see it: the values of its table, without its types.
package struct CommandDescription: Sendable, Equatable {
  /// The program, such as `spire-server`.
  package let program: String
  /// The words that select the command, such as `entry create`; empty where the program has no other.
  package let words: String
  package let synopsis: String
  package let details: String
  /// Sorted by name.
  package let flags: [FlagDescription]
  package let environment: [EnvironmentVariable]
  package let examples: [CommandExample]
  /// Whether it is left out of lists, completion and documentation.
  package let isHidden: Bool

  package init(program: String, words: String, command: some Command) {
    self.program = program
    self.words = words
    synopsis = command.synopsis
    details = command.details
    flags = FlagSet(command.name, command.flags).descriptions(defaults: command.defaults)
    environment = command.environment
    examples = command.examples
    isHidden = command.isHidden
  }

  /// `spire-server entry create`; the program's name alone where it is the command.
  package var title: String { words.isEmpty ? program : "\(program) \(words)" }
}

/// A flag as completion and documentation see it.
package struct FlagDescription: Sendable, Equatable {
  package let name: String
  /// How the usage text calls the value, such as `string`; empty for flags that take none.
  package let placeholder: String
  package let usage: String
  /// As the usage text shows it; empty for none.
  package let defaultText: String
  package let kind: ArgumentKind
  package let isRepeatable: Bool
}

/// A variable of the environment that a command reads.
package struct EnvironmentVariable: Sendable, Equatable {
  package let name: String
  package let meaning: String

  package init(_ name: String, _ meaning: String) {
    self.name = name
    self.meaning = meaning
  }
}

/// A command line that somebody could type, and what it is good for.
package struct CommandExample: Sendable, Equatable {
  package let purpose: String
  /// Without the program's name: `entry show -spiffeID spiffe://example.org/web`.
  package let line: String

  package init(_ purpose: String, _ line: String) {
    self.purpose = purpose
    self.line = line
  }
}
