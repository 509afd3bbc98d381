import Flags
import Testing

@Suite struct CommandTreeTests {
  struct Greet: Command {
    struct Options: CommandOptions {
      var whom = "world"
      var fail = false
    }
    struct Refused: Error, CustomStringConvertible { let description = "greeting refused" }

    let name: String
    let synopsis: String
    var flags: [Flag<Options>] {
      [.string("whom", \.whom, "Whom to greet"), .bool("fail", \.fail, "Fail")]
    }

    func run(_ options: Options, io: CommandIO) async throws {
      if options.fail { throw Refused() }
      io.print("hello \(options.whom) \(io.environment["MARK"] ?? "")")
    }
  }

  struct Ending: Command {
    let name = "end"
    let synopsis = "Ends"
    let failure: CommandFailure
    func run(_ options: NoOptions, io: CommandIO) async throws { throw failure }
  }

  struct Echo: Command {
    let name = "echo"
    let synopsis = "Echoes"
    func run(_ options: NoOptions, io: CommandIO) async throws {
      io.out(String(decoding: try io.input(), as: UTF8.self))
    }
  }

  static let tree = CommandTree(
    program: "spire-test", version: "1.15.3",
    commands: [
      "greet": Greet(name: "greet", synopsis: "Greets"),
      "entry create": Greet(name: "entry create", synopsis: "Creates entries"),
      "entry show": Greet(name: "entry show", synopsis: "Shows entries"),
      "api fetch": Greet(name: "fetch x509", synopsis: "Fetches"),
      "api fetch x509": Greet(name: "fetch x509", synopsis: "Fetches X.509"),
    ])

  func run(_ arguments: String...) async -> (code: Int32, out: String, err: String) {
    let io = CapturedIO(environment: ["MARK": "!"])
    let code = await Self.tree.run(arguments, io: io.io)
    return (code, io.stdout, io.stderr)
  }

  static let overview = """
    Usage: spire-test [--version] [--help] <command> [<args>]

    Available commands are:
        api          \u{20}
        completion   \u{20}
        entry        \u{20}
        greet         Greets


    """

  @Test func runsTheSelectedCommand() async {
    #expect(await run("greet") == (0, "hello world !\n", ""))
    #expect(await run("entry", "create", "-whom", "you") == (0, "hello you !\n", ""))
    #expect(await run("api", "fetch", "-whom=x") == (0, "hello x !\n", ""))
    #expect(await run("api", "fetch", "x509", "--whom=y") == (0, "hello y !\n", ""))
  }

  @Test func noCommandListsCommands() async {
    #expect(await run() == (127, "", Self.overview))
    #expect(await run("--", "greet") == (127, "", Self.overview))
  }

  @Test func unknownCommandListsCommandsAndSaysWhatWasMeant() async {
    #expect(await run("gret") == (127, "", Self.overview + "Unknown command \"gret\". Did you mean \"greet\"?\n"))
    #expect(await run("something", "-x") == (127, "", Self.overview + "Unknown command \"something\"\n"))
  }

  @Test(arguments: ["-h", "-help", "--help"]) func helpAlone(_ flag: String) async {
    #expect(await run(flag) == (0, "", Self.overview))
  }

  @Test(arguments: ["-v", "-version", "--version"]) func version(_ flag: String) async {
    #expect(await run(flag) == (0, "", "1.15.3\n"))
  }

  @Test func namespaceAloneListsItsCommands() async {
    let help = """
      This command is accessed by using one of the subcommands below.

      Subcommands:
          create    Creates entries
          show      Shows entries

      """
    #expect(await run("entry") == (1, "", help))
    #expect(await run("entry", "-h") == (0, "", help))
    let mistyped = "\nUnknown command \"entry creat\". Did you mean \"entry create\"?\n"
    #expect(await run("entry", "creat") == (1, "", help + mistyped))
  }

  @Test func helpOfACommand() async {
    let usage = """
      Usage of entry show:
        -fail
          \tFail
        -whom string
          \tWhom to greet (default "world")
      flag: help requested

      """
    #expect(await run("entry", "show", "-h") == (0, "", usage))
    #expect(await run("entry", "show", "-whom", "x", "--help") == (0, "", usage))
    #expect(await run("-h", "entry", "show") == (0, "", usage))
    let fetch = await run("api", "fetch", "-h")
    #expect(fetch.err.hasSuffix("flag: help requested\n\nSubcommands:\n    x509    Fetches X.509\n"))
  }

  @Test func helpIsACommandWhereItIsWanted() async {
    let tree = CommandTree(program: "p", version: "1", hasHelp: true, commands: ["echo": Echo()])
    for (words, expected) in [(["help"], ["-h"]), (["help", "echo"], ["echo", "-h"])] {
      let (asked, plain) = (CapturedIO(), CapturedIO())
      #expect(await tree.run(words, io: asked.io) == 0)
      #expect(await tree.run(expected, io: plain.io) == 0)
      #expect(asked.stderr == plain.stderr && !asked.stderr.isEmpty)
    }
    #expect(await run("help").code == 127)
  }

  @Test func flagsBeforeTheCommand() async {
    let result = await run("-whom", "greet")
    #expect(result.code == 1)
    #expect(result.err.hasPrefix("Invalid flags before the subcommand. If these flags are for\nthe subcommand,"))
  }

  @Test func wrongFlagPrintsUsage() async {
    let result = await run("greet", "-x")
    #expect(result.code == 1)
    #expect(result.err.hasPrefix("flag provided but not defined: -x\nUsage of greet:\n  -fail\n"))
    #expect(result.out.isEmpty)
  }

  @Test func failures() async {
    #expect(await run("greet", "-fail") == (1, "", "Error: greeting refused\n"))
    for (failure, code, text) in [
      (CommandFailure("no"), Int32(1), "Error: no\n"), (.plain("plain", exitCode: 3), 3, "plain\n"),
      (.silent(exitCode: 2), 2, ""),
    ] {
      let io = CapturedIO()
      #expect(await Ending(failure: failure).execute([], io: io.io) == code)
      #expect(io.stderr == text)
    }
  }

  @Test func standardInput() async {
    let io = CapturedIO(input: "words")
    #expect(await Echo().execute([], io: io.io) == 0)
    #expect(io.stdout == "words")
    #expect(throws: CommandFailure.self) { _ = try io.io.readInput(4) }
  }
}
