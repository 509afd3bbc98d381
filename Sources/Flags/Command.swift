/// One subcommand of a program. It lists its flags, and runs with the values given for them.
///
/// A command is a small value; what it needs from outside (a client, a clock) are its stored properties, and what it
/// reads and prints goes through ``CommandIO``, so that a test runs it in process. Errors that `run` throws are printed
/// on standard error as `Error: <description>`, with exit code 1; see ``CommandFailure`` for other forms.
///
/// ```swift
/// struct EntryCount: Command {
///   struct Options: CommandOptions {
///     var socketPath = "/tmp/spire-server/private/api.sock"
///     var selectors: [String] = []
///     var downstream = false
///   }
///
///   let name = "entry count"            // as in "Usage of entry count:"
///   let synopsis = "Count registration entries"
///   let flags: [Flag<Options>] = [
///     .string("socketPath", \.socketPath, "Path to the SPIRE Server API socket"),
///     .strings("selector", \.selectors, "A colon-delimited type:value selector. Can be used more than once"),
///     .bool("downstream", \.downstream, "Count only entries of downstream servers"),
///   ]
///
///   func run(_ options: Options, io: CommandIO) async throws {
///     let count = try await countEntries(options)
///     io.print("\(count) registration entries")
///   }
/// }
///
/// // The program's table, the words on the command line first:
/// let tree = CommandTree(program: "spire-server", version: "1.15.3", commands: ["entry count": EntryCount()])
/// exit(await tree.run(Array(CommandLine.arguments.dropFirst()), io: .process))
/// ```
///
/// In a test: `let io = CapturedIO(); let code = await EntryCount().execute(["-selector", "a:b"], io: io.io)`,
/// then look at `io.stdout` and `io.stderr`.
package protocol Command: Sendable {
  /// The flags' values, which start as its defaults.
  associatedtype Options: CommandOptions = NoOptions

  /// The name in the usage text, `Usage of <name>:`.
  var name: String { get }
  /// One line for the list of commands.
  var synopsis: String { get }
  /// The flags; empty unless declared.
  var flags: [Flag<Options>] { get }
  /// The values of flags that are not given: `Options()` unless declared.
  var defaults: Options { get }
  /// What the manual says beyond the synopsis, in paragraphs; empty unless declared.
  var details: String { get }
  /// Command lines for the manual; none unless declared.
  var examples: [CommandExample] { get }
  /// The variables that the command reads; none unless declared.
  var environment: [EnvironmentVariable] { get }
  /// Whether the command is left out of lists, completion and documentation; false unless declared.
  var isHidden: Bool { get }

  func run(_ options: Options, io: CommandIO) async throws
}

/// The values of a command's flags: a struct of variables whose initial values are the defaults.
package protocol CommandOptions: Sendable {
  init()
}

/// The options of a command that has no flags.
package struct NoOptions: CommandOptions {
  package init() {}
}

extension Command {
  package var flags: [Flag<Options>] { [] }
  package var defaults: Options { Options() }
  package var details: String { "" }
  package var examples: [CommandExample] { [] }
  package var environment: [EnvironmentVariable] { [] }
  package var isHidden: Bool { false }

  /// The usage text of the command's flags.
  package var usage: String { FlagSet(name, flags).usage(defaults: defaults) }

  /// Parses `arguments` (without the command's own words), runs, and returns the exit code.
  package func execute(_ arguments: [String], io: CommandIO) async -> Int32 {
    var options = defaults
    do {
      try FlagSet(name, flags).parse(arguments, into: &options)
    } catch {
      if error.code == .help {
        io.err(usage + error.message + "\n")
        return 0
      }
      io.err(error.message + "\n" + usage)
      return 1
    }
    do {
      try await run(options, io: io)
      return 0
    } catch let failure as CommandFailure {
      if let text = failure.text { io.err(text + "\n") }
      return failure.exitCode
    } catch {
      io.err("Error: \(error)\n")
      return 1
    }
  }
}
