import AWS
import Foundation
import HCL
import SPIFFE
import Testing

@testable import Kubernetes
@testable import ServerPlugins

/// Texts that are small and cost much: nesting, repetition, and shapes for which a reader that looks twice takes a time
/// that grows with the square of their length. With such a reader each of them would take hours; they end within the
/// suite's time limit, as a value or an error. Their origins are in docs/security/immunity.md.
@Suite(.timeLimit(.minutes(4))) struct ParserTests {
  private static func text(_ unit: String, _ size: Int) -> String {
    String(repeating: unit, count: size / unit.utf8.count)
  }

  /// Lines of a byte, a block that never ends, beginnings without end, ends without beginning.
  @Test func blocksOfPEM() {
    let begin = "-----BEGIN CERTIFICATE-----\n"
    let end = "-----END CERTIFICATE-----\n"
    let size = 512 << 10
    for body in ["A\n", "\n", "a: b\n", begin, "-----BEGIN ", "-----", "- ", end] {
      _ = try? PEM.decode(begin + Self.text(body, size))
      _ = try? PEM.decode(begin + Self.text(body, size) + end)
      _ = try? PEM.decode(Self.text(body, size))
    }
    // As large as any.
    let decoded = try? PEM.decode(begin + Self.text("AAAA\n", 4_000_000) + end)
    #expect(decoded?.first?.der.count == 2_400_000)
    #expect(throws: SPIFFEError.self) { try PEM.decode(Self.text("A\n", PEM.maximumSize + 2)) }
  }

  /// Deeper than anything that anybody writes: an error, and no stack overflow.
  @Test func nesting() {
    let depth = 100_000
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
      for text in [Self.text(open, depth), Self.text(open, depth) + "1" + Self.text(close, depth)] {
        #expect(throws: SPIFFEError.self) { try JSONValue(parsing: text) }
        #expect(throws: HCLError.self) { try HCLDocument.parse(text, file: "x") }
        #expect(throws: (any Error).self) { try YAMLReader.parse(Array(text.utf8)) }
      }
    }
    #expect(throws: HCLError.self) { try HCLDocument.parse(Self.text("a {\n", depth), file: "x") }
    #expect(throws: HCLError.self) { try HCLDocument.parse(Self.text("a = [", depth), file: "x") }
    #expect(throws: (any Error).self) { try YAMLReader.parse(Array(Self.text("- ", depth).utf8)) }
    #expect(throws: (any Error).self) { try YAMLReader.parse(Array(Self.text("? ", depth).utf8)) }
    #expect(throws: (any Error).self) { try XMLParser.parse(Array(Self.text("<a>", depth).utf8)) }
    for header: [UInt8] in [[0x30, 0x80], [0x24, 0x80], [0xA0, 0x80], [0x30, 0x83, 0x00, 0xFF, 0xFF]] {
      let message = [UInt8]((0..<10_000).map { _ in header }.joined())
      #expect(throws: (any Error).self) { try SignedMessage(parsing: message) }
    }
  }

  /// Texts that name themselves, or each other, to become large.
  @Test func textsThatGrow() {
    let laughs = """
      <?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><a>&b;</a>
      """
    #expect(throws: (any Error).self) { try XMLParser.parse(Array(laughs.utf8)) }
    let outside = #"<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>"#
    #expect(throws: (any Error).self) { try XMLParser.parse(Array(outside.utf8)) }
    let aliases = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]\n"
    #expect(throws: (any Error).self) { try YAMLReader.parse(Array(aliases.utf8)) }
    #expect(throws: (any Error).self) { try YAMLReader.parse(Array("a: &a\n  b: *a\n".utf8)) }
    // A variable whose value names variables is not looked at again.
    var names: [String: String] = ["v0": String(repeating: "x", count: 1000)]
    for index in 1..<30 { names["v\(index)"] = "${v\(index - 1)}${v\(index - 1)}" }
    let expanded = EnvironmentExpansion.expand(Array("a = \"$v29\"".utf8), environment: names)
    #expect(String(decoding: expanded, as: UTF8.self) == "a = \"${v28}${v28}\"")
  }

  /// One object with many names, one string with many escapes, one number with many digits.
  @Test func longTexts() {
    let members = "{" + (0..<20_000).map { "\"k\($0)\":1" }.joined(separator: ",") + "}"
    for rejects in [true, false] {
      let limits = JSONLimits(maximumBytes: 4 << 20, maximumDepth: 8, rejectsDuplicates: rejects)
      #expect((try? JSONValue(parsing: members, limits: limits))?.object?.members.count == 20_000)
      let same = "{" + [String](repeating: "\"k\":1", count: 20_000).joined(separator: ",") + "}"
      #expect((try? JSONValue(parsing: same, limits: limits))?.object?.members.count == (rejects ? nil : 1))
    }
    for unit in ["\\u0041", "\\ud800", "\\n", "\u{301}", "\\\\"] {
      #expect((try? JSONValue(parsing: "\"" + Self.text(unit, 1 << 18) + "\"")) != nil)
    }
    for unit in ["9", "0.", "1e", "-", "1"] { _ = try? JSONValue(parsing: Self.text(unit, 1 << 18)) }
    let size = 1 << 16
    for unit in [
      "a = 1\n", "a {}\n", "a \"b\" {\n}\n", "# x\n", "/* ", "\"", "a = \"${\n", "a = <<E\n", "<<E\n", "$", "\\",
      "\u{301}",
    ] {
      _ = try? HCLDocument.parse(Self.text(unit, size), file: "x")
      _ = try? HCLDocument.parse("{\"a\": " + Self.text(unit, size), file: "x")
    }
    _ = try? HCLDocument.parse("a = <<E\n" + Self.text("x\n", size), file: "x")
    _ = try? HCLDocument.parse("a = \"" + Self.text("\\n", size) + "\"", file: "x")
    for unit in [
      "a: 1\n", "- 1\n", "# x\n", "\"", "'", "a: |\n", " ", "\n", ",", "[,", "x ", "a: \"\\x\n", "\u{301}",
      "a: >\n  b\n",
    ] {
      _ = try? YAMLReader.parse(Array(Self.text(unit, size).utf8))
      _ = try? YAMLReader.parse(Array(("a: \"" + Self.text(unit, size)).utf8))
      _ = try? YAMLReader.parse(Array(("a: |\n" + Self.text("  " + unit, size)).utf8))
    }
    for unit in ["<a/>", "<!-- ", "<![CDATA[", "&amp;", "&#65;", "a=\"b\" ", "<a b='", "]]>", "<?x ", "x"] {
      _ = try? XMLParser.parse(Array(Self.text(unit, size).utf8))
      _ = try? XMLParser.parse(Array(("<a>" + Self.text(unit, size) + "</a>").utf8))
      _ = try? XMLParser.parse(Array(("<a " + Self.text(unit, size) + "/>").utf8))
    }
  }

  /// Tokens of dots, of one part, with a part more, as large as a message may be.
  @Test func tokensOfDots() {
    for unit in [".", "a.", "=.", "..a", "A", "\u{301}."] {
      for size in [1 << 16, 4 << 20] {
        #expect(throws: SPIFFEError.self) { try CompactJWS(parsing: Self.text(unit, size)) }
        #expect(throws: SPIFFEError.self) { try CompactJWS(parsing: "eyJhbGciOiJFUzI1NiJ9." + Self.text(unit, size)) }
      }
    }
  }
}
