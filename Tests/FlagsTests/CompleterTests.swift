import Foundation
import Testing

@testable import Flags

/// What is offered at each place of a command line.
@Suite struct CompleterTests {
  struct Show: Command {
    struct Options: CommandOptions {
      var format = "pem"
      var path = ""
      var folder = ""
      var id = ""
      var names: [String] = []
      var quiet = false
      var count = 0
    }

    let name = "entry show"
    let synopsis = "Shows entries"
    let flags: [Flag<Options>] = [
      .string("format", \.format, "Form").takes(.oneOf(["pem", "spiffe"])),
      .string("path", \.path, "File").takes(.file), .string("folder", \.folder, "Folder").takes(.directory),
      .string("spiffeID", \.id, "ID").takes(.spiffeID), .strings("name", \.names, "Name"),
      .bool("quiet", \.quiet, "Print\nlittle"), .int("count", \.count, "Count"),
    ]
    func run(_ options: Options, io: CommandIO) async throws {}
  }

  struct Plain: Command {
    let name: String
    let synopsis: String
    var isHidden = false
    func run(_ options: NoOptions, io: CommandIO) async throws {}
  }

  static let tree = CommandTree(
    program: "spire-test", version: "1",
    commands: [
      "entry show": Show(), "entry count": Plain(name: "entry count", synopsis: "Counts"),
      "fetch": Plain(name: "fetch", synopsis: "Fetches"),
      "fetch jwt": Plain(name: "fetch jwt", synopsis: "Fetches JWT"),
      "secret": Plain(name: "secret", synopsis: "Hidden", isHidden: true),
    ])

  static let flags = ["-count", "-folder", "-format", "-name", "-path", "-quiet", "-spiffeID"]

  @Test(
    arguments: [
      ([""], ["completion", "entry", "fetch"]), (["e"], ["entry"]), (["x"], []), (["entry", ""], ["count", "show"]),
      (["entry", "s"], ["show"]), (["fetch", ""], ["jwt"]), (["fetch", "-"], []), (["secret", "-"], []), (["sec"], []),
      (["-"], ["--help", "--version"]), (["--v"], ["--version"]), (["completion", ""], ["bash", "fish", "zsh"]),
      (["entry", "show", ""], flags), (["entry", "show", "-"], flags), (["entry", "show", "--pa"], ["--path"]),
      (["entry", "show", "-path", "x", "-p"], []), (["entry", "show", "--path=x", "-p"], []),
      (["entry", "show", "-name", "x", "-n"], ["-name"]),
      (["entry", "show", "-quiet", "-fo"], ["-folder", "-format"]),
      (["entry", "show", "-format", ""], ["pem", "spiffe"]), (["entry", "show", "--format", "S"], ["spiffe"]),
      (["entry", "show", "-format=p"], ["-format=pem"]), (["entry", "show", "-format=x"], []),
      (["entry", "show", "-name", "-format", ""], flags.filter { $0 != "-format" }),
      (["entry", "show", "-quiet=f"], ["-quiet=false"]), (["entry", "show", "-nope="], []),
      (["entry", "show", "-path", ""], [":files"]), (["entry", "show", "-path=/x"], [":files"]),
      (["entry", "show", "-folder", "x"], [":directories"]), (["entry", "show", "-count", ""], []),
      (["entry", "show", "-spiffeID", ""], ["spiffe://"]), (["entry", "show", "-spiffeID", "spiffe://a"], []),
      ([], ["completion", "entry", "fetch"]),
    ] as [([String], [String])])
  func offers(_ words: [String], _ expected: [String]) async {
    let io = CapturedIO()
    #expect(await Self.tree.run(["completion", "candidates", "--"] + words, io: io.io) == 0)
    let lines = io.stdout.split(separator: "\n").map { String($0.prefix { $0 != "\t" }) }
    #expect(lines == expected)
    #expect(io.stderr.isEmpty)
  }

  @Test func helpStandsBesideCandidates() async {
    let io = CapturedIO()
    _ = await Self.tree.run(["completion", "candidates", "--", "entry", "show", "-q"], io: io.io)
    #expect(io.stdout == "-quiet\tPrint\n")
  }

  /// Bash ends words at `=`, and hands over what was typed as it was typed.
  @Test(arguments: [
    ("spire-test ent", "entry\n"), ("/usr/bin/spire-test entry show -format=s", "spiffe\n"),
    ("spire-test entry show -name 'a b' -form", "-format\tForm\n"), ("spire-test entry show -format \"p", "pem\n"),
    ("spire-test entry show -name a\\ -format s", ""),
  ])
  func aLineOfBash(_ line: String, _ expected: String) async {
    let io = CapturedIO()
    #expect(await Self.tree.run(["completion", "candidates", "-line", line], io: io.io) == 0)
    #expect(io.stdout == expected)
  }

  /// What `complete -C spire-test spire-test` does, whatever the arguments are.
  @Test(
    arguments: [
      ("spire-test entry ", nil, "count\nshow\n"), ("spire-test entry show -format ", "16", "entry\n"),
      ("spire-test e", "99", "entry\n"), ("spire-test e", "-3", "completion\nentry\nfetch\n"),
    ] as [(String, String?, String)])
  func upstreamsProtocol(_ line: String, _ point: String?, _ expected: String) async {
    let io = CapturedIO(environment: ["COMP_LINE": line, "COMP_POINT": point].compactMapValues { $0 })
    #expect(await Self.tree.run(["spire-test", "e", "entry"], io: io.io) == 0)
    #expect(io.stdout == expected)
  }

  @Test(
    arguments: [
      ("", [""]), ("a", ["a"]), ("a ", ["a", ""]), ("  a  b", ["a", "b"]), ("a 'b c' d", ["a", "b c", "d"]),
      ("a \"b \\\" c\"", ["a", "b \" c"]), ("a 'b\\'", ["a", "b\\"]), ("a b\\ c", ["a", "b c"]), ("a ''", ["a", ""]),
      ("a '' b", ["a", "", "b"]), ("a \\", ["a", ""]), ("x=\"1 2\"3", ["x=1 23"]),
    ] as [(String, [String])])
  func words(_ line: String, _ expected: [String]) { #expect(ShellLine.words(line) == expected) }

  @Test func installingWritesWhereShellsLook() async throws {
    let home = FileManager.default.temporaryDirectory.path + "/spire-completion-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: home) }
    let io = CapturedIO(environment: ["HOME": home, "XDG_CONFIG_HOME": home + "/conf"])
    #expect(await Self.tree.run(["-autocomplete-install"], io: io.io) == 0)
    let bash = home + "/.local/share/bash-completion/completions/spire-test"
    let fish = home + "/conf/fish/completions/spire-test.fish"
    #expect(try String(contentsOfFile: bash, encoding: .utf8).contains("complete -F _spire_test_complete spire-test"))
    #expect(try String(contentsOfFile: fish, encoding: .utf8).contains("complete -c spire-test"))
    #expect(io.stdout.contains(bash) && io.stdout.contains(fish))
    #expect(await Self.tree.run(["--autocomplete-uninstall"], io: io.io) == 0)
    #expect(!FileManager.default.fileExists(atPath: bash) && !FileManager.default.fileExists(atPath: fish))
    #expect(await Self.tree.run(["-autocomplete-other"], io: CapturedIO().io) == 127)
    #expect(await Self.tree.run(["-autocomplete-install"], io: CapturedIO().io) == 1)
  }
}
