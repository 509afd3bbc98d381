import FoundationEssentials
import GoSyntax

/// `docs`: writes the pages of all commands, for docs/reference and for the system's manual. Not listed: it is for those
/// who build and package the programs.
struct DocsCommand: Command {
  struct Options: CommandOptions {
    var format = "markdown"
    var out = ""
  }

  let name = "docs"
  let synopsis = "Writes the pages of all commands"
  let isHidden = true
  let flags: [Flag<Options>] = [
    .string("format", \.format, "Form of the pages: markdown or man").takes(.oneOf(["markdown", "man"])),
    .string("out", \.out, "Folder to write them to").takes(.directory),
  ]
  let program: String
  let about: String
  let commands: [CommandDescription]

  func run(_ options: Options, io: CommandIO) async throws {
    guard !options.out.isEmpty else { throw CommandFailure("-out must name a folder") }
    let pages: [(name: String, text: String)]
    switch options.format {
    case "markdown": pages = markdown
    case "man": pages = manual
    default: throw CommandFailure("-format \(GoQuote.string(options.format)): use markdown or man")
    }
    try FileManager.default.createDirectory(atPath: options.out, withIntermediateDirectories: true)
    for page in pages { try Data(page.text.utf8).write(to: URL(filePath: options.out + "/" + page.name)) }
  }

  private var visible: [CommandDescription] { commands.filter { !$0.isHidden } }

  /// The command, where it is the whole program.
  private var only: CommandDescription? { visible.first { $0.words.isEmpty } }

  private var markdown: [(name: String, text: String)] {
    if let only { return [("README.md", MarkdownPage.command(only))] }
    return [("README.md", MarkdownPage.program(program, about: about, visible))]
      + visible.map { (MarkdownPage.fileName($0), MarkdownPage.command($0)) }
  }

  private var manual: [(name: String, text: String)] {
    if let only { return [("\(program).1", ManPage.command(only))] }
    return [("\(program).1", ManPage.program(program, about: about, visible))]
      + visible.map { (ManPage.pageName($0) + ".1", ManPage.command($0)) }
  }
}
