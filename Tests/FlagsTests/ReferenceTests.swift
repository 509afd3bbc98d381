import Foundation
import Testing

@testable import Flags

/// The pages that are made of a command's table.
@Suite struct ReferenceTests {
  struct Mint: Command {
    struct Options: CommandOptions {
      var id = ""
      var format = "pem"
      var dns: [String] = []
      var quiet = false
      var ttl = Duration.seconds(90)
    }

    let name = "x509 mint"
    let synopsis = "Mints an SVID"
    let details = "With `-quiet` nothing is said.\n\n.Dots and 'quotes' are text; so is \\n."
    let environment = [EnvironmentVariable("SPIRE_X", "A | and a <tag>")]
    let examples = [CommandExample("One", "x509 mint -spiffeID spiffe://td/a \\\n  -quiet")]
    let flags: [Flag<Options>] = [
      .string("spiffeID", \.id, "Whose").takes(.spiffeID),
      .string("format", \.format, "Form: a|b").takes(.oneOf(["pem", "spiffe"])),
      .strings("dns", \.dns, "DNS `name`"), .bool("quiet", \.quiet, "Say nothing"),
      .duration("ttl", \.ttl, "Lifetime"),
    ]
    func run(_ options: Options, io: CommandIO) async throws {}
  }

  static let tree = CommandTree(
    program: "spire-test", version: "1", about: "a test. It is `small`.", commands: ["x509 mint": Mint()])

  private func pages(_ format: String) async throws -> [String: String] {
    let folder = FileManager.default.temporaryDirectory.path + "/spire-docs-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(await Self.tree.run(["docs", "-format", format, "-out", folder], io: CapturedIO().io) == 0)
    var pages: [String: String] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
      pages[name] = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
    }
    return pages
  }

  @Test func markdown() async throws {
    let pages = try await pages("markdown")
    #expect(
      pages.keys.sorted() == [
        "README.md", "completion-bash.md", "completion-fish.md", "completion-zsh.md", "x509-mint.md",
      ])
    let page = try #require(pages["x509-mint.md"])
    #expect(page.contains("# spire-test x509 mint\n\nMints an SVID.\n\nWith `-quiet` nothing is said.\n"))
    #expect(page.contains("| `-dns` | text; repeatable |  | DNS name |\n"))
    #expect(page.contains("| `-format` | `pem`, `spiffe` | `pem` | Form: a\\|b |\n"))
    #expect(page.contains("| `-spiffeID` | SPIFFE ID |  | Whose |\n"))
    #expect(page.contains("| `-ttl` | duration | `1m30s` | Lifetime |\n"))
    #expect(page.contains("| `SPIRE_X` | A \\| and a &lt;tag> |\n"))
    #expect(page.contains("$ spire-test x509 mint -spiffeID spiffe://td/a \\\n  -quiet\n"))
    let list = try #require(pages["README.md"])
    #expect(list.contains("# spire-test\n\nA test. It is `small`.\n"))
    #expect(list.contains("| [x509 mint](x509-mint.md) | Mints an SVID |\n"))
    #expect(!list.contains("[docs"))
  }

  @Test func manual() async throws {
    let pages = try await pages("man")
    let page = try #require(pages["spire-test-x509-mint.1"])
    #expect(page.contains(".TH SPIRE\\-TEST\\-X509\\-MINT 1"))
    #expect(page.contains(".SH NAME\nspire\\-test\\-x509\\-mint \\- Mints an SVID\n"))
    #expect(page.contains("With \\fB\\-quiet\\fR nothing is said.\n"))
    #expect(page.contains("\\&.Dots and 'quotes' are text; so is \\en.\n"))
    #expect(page.contains(".BI \\-dns \" name\"\nDNS name\n"))
    #expect(page.contains("Values: pem, spiffe.\n.br\nDefault: pem\n"))
    #expect(try #require(pages["spire-test.1"]).contains(".SH NAME\nspire\\-test \\- a test\n"))
  }

  @Test func wrongUse() async {
    let io = CapturedIO()
    #expect(await Self.tree.run(["docs"], io: io.io) == 1)
    #expect(await Self.tree.run(["docs", "-out", "/tmp/x", "-format", "pdf"], io: io.io) == 1)
    #expect(io.stderr == "Error: -out must name a folder\nError: -format \"pdf\": use markdown or man\n")
  }

  @Test func descriptionsCarryTheTable() throws {
    let command = try #require(Self.tree.descriptions.first { $0.words == "x509 mint" })
    #expect(command.flags.map(\.name) == ["dns", "format", "quiet", "spiffeID", "ttl"])
    #expect(command.flags.map(\.placeholder) == ["name", "string", "", "string", "duration"])
    #expect(command.flags.map(\.kind) == [.text, .oneOf(["pem", "spiffe"]), .boolean, .spiffeID, .duration])
    #expect(command.flags.map(\.isRepeatable) == [true, false, false, false, false])
    #expect(command.flags.map(\.defaultText) == ["", "pem", "", "", "1m30s"])
  }
}
