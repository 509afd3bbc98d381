import Foundation
import Testing

@testable import ServerPlugins

/// Go's regular expressions, searched for anywhere, in linear time. What is expected is what Go 1.25's regexp says.
@Suite struct PatternTests {
  private func matches(_ pattern: String, _ text: String) throws -> Bool { try LinearPattern(pattern).matches(text) }

  @Test(arguments: [
    ("", "", true), ("", "x", true), ("a", "xay", true), ("a", "xyz", false),
    (#"p[0-9]\.example\.com"#, "p1.example.com", true),
    (#"p[0-9]\.example\.com"#, "evil-p1.example.com.test", true),
    (#"^p[0-9]\.example\.com$"#, "evil-p1.example.com", false),
    (#"^p[0-9]+\.example\.com$"#, "p123.example.com", true), (#"^p[0-9]+\.example\.com$"#, "p.example.com", false),
    ("a|b|cd", "xcd", true), ("^(a|b)$", "c", false), ("^(?:ab)+$", "ababab", true), ("^(?:ab)+$", "aba", false),
    ("^a{2,3}$", "a", false), ("^a{2,3}$", "aaa", true), ("^a{2,3}$", "aaaa", false), ("^a{2}$", "aa", true),
    ("^a{2,}$", "aaaaaa", true), ("^a{,2}$", "a{,2}", true), ("^a*?b$", "aab", true), ("^.$", "ä", true),
    ("^.$", "\n", false), ("(?s)^.$", "\n", true), ("(?i)^NODE$", "nOdE", true), ("^(?i:a)b$", "Ab", true),
    ("^(?i:a)b$", "AB", false), ("(?i)a(?-i)b", "AB", false), (#"^\d+$"#, "123", true), (#"^\D+$"#, "a1", false),
    (#"^\w+$"#, "a_1", true), (#"^\w+$"#, "ä", false), (#"^\s$"#, "\t", true), (#"^[^\s.]+$"#, "a.b", false),
    (#"^[^.]+$"#, "ab", true), (#"^[]a]+$"#, "]a", true), (#"^[a-]+$"#, "a-", true), (#"^[\]\-a]+$"#, "]-a", true),
    (#"^[[:alpha:]]+$"#, "abC", true), (#"^[[:^alpha:]]+$"#, "12", true), (#"^[\d.]+$"#, "1.2", true),
    (#"\bhost\b"#, "a host b", true), (#"\bhost\b"#, "ghost", false), (#"\Bhost"#, "ghost", true),
    ("(?m)^b$", "a\nb\nc", true), ("^b$", "a\nb\nc", false), (#"\Aa\z"#, "a", true), (#"\x61\x{62}"#, "ab", true),
    (#"\Qa.b\E+$"#, "a.bb", true), (#"\Qa.b\E"#, "axb", false), ("(?P<name>a)(?<other>b)", "ab", true),
    ("a||b", "z", true), ("()", "", true), ("(|a)+", "aaa", true), ("(a*)*$", "b", true), ("^(a?){3}$", "aaa", true),
    ("^(a?){3}$", "aaaa", false), ("x*", "", true), (#"^\.$"#, ".", true), ("^[a-c]$", "d", false),
    ("(?i)^[a-c]+$", "ABC", true), ("(?U)a+", "aa", true),
  ]) func search(_ pattern: String, _ text: String, _ isFound: Bool) throws {
    #expect(try matches(pattern, text) == isFound, "\(pattern) in \(text)")
  }

  @Test(arguments: [
    ("(", "error parsing regexp: missing closing ): `(`"), (")", "error parsing regexp: unexpected ): `)`"),
    ("[", "error parsing regexp: missing closing ]: `[`"), ("[a", "error parsing regexp: missing closing ]: `[a`"),
    ("*", "error parsing regexp: missing argument to repetition operator: `*`"),
    ("a**", "error parsing regexp: invalid nested repetition operator: `**`"),
    ("[b-a]", "error parsing regexp: invalid character class range: `b-a`"),
    ("a{2,1}", "error parsing regexp: invalid repeat count: `{2,1}`"),
    ("a{1001}", "error parsing regexp: invalid repeat count: `{1001}`"),
    (#"\"#, "error parsing regexp: trailing backslash at end of expression: ``"),
    (#"\8"#, #"error parsing regexp: invalid escape sequence: `\8`"#),
    (#"\pL"#, #"error parsing regexp: invalid escape sequence: `\p`"#),
    ("(?=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"),
    ("(?<=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?<=`"),
    ("[[:no:]]", "error parsing regexp: invalid character class range: `[:no:]`"),
    ("(?i", "error parsing regexp: invalid or unsupported Perl syntax: `(?i`"),
  ]) func mistakes(_ pattern: String, _ message: String) {
    let error = #expect(throws: LinearPattern.Fault.self, "\(pattern)") { try LinearPattern(pattern) }
    #expect(error?.description == message)
  }

  @Test func largePatternsAreRefused() {
    for pattern in [
      String(repeating: "a", count: 1001), String(repeating: "(", count: 200), "((((a{100}){100}){100}){100})",
      String(repeating: "a{1000}", count: 30),
    ] {
      #expect(throws: LinearPattern.Fault.self) { try LinearPattern(pattern) }
    }
  }

  /// Patterns that take a search with backtracking for ever: here the work is bounded by pattern times text.
  @Test(.timeLimit(.minutes(3))) func nothingIsExponential() throws {
    let text = String(repeating: "a", count: 4000) + "!"
    for pattern in ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(.*)(.*)(.*)(.*)(.*)x$", "^(a?){50}a{50}$", "^((a*)*)*$"] {
      #expect(try !matches(pattern, text))
    }
    #expect(try !matches("a", String(repeating: "a", count: LinearPattern.maximumText + 1)))
  }
}
