import Testing

@testable import Server

/// DNS names of entries and CSRs (server-behaviour §6.1).
@Suite struct DNSNameTests {
  @Test(arguments: [
    "a", "example.org", "*.example.org", "a-b.c", "1.2.3", "xn--bcher-kva.example", String(repeating: "a", count: 63),
  ])
  func good(name: String) { #expect(throws: Never.self) { try DNSName.validate(name) } }

  @Test(arguments: [
    ("bücher.example", "name must be ascii"),
    ("*.*.org", "too many wildcards"),
    ("a.*.org", "wildcard must be first label"),
    ("*a.org", "wildcard must be first label"),
    ("*", "wildcard must be first label"),
    ("", "empty or only whitespace"),
    ("  ", "empty or only whitespace"),
    ("*.", "empty or only whitespace"),
    ("example.org.", "domain ends with dot"),
    ("a..b", "idna error"),
    (".a", "idna error"),
    ("a_b.org", "idna error"),
    ("Example.org", "idna error"),
    ("-a.org", "idna error"),
    ("a-.org", "idna error"),
    ("ab--c.org", "idna error"),
    ("xn--a.org", "idna error"),
    ("xn--a-.org", "idna error"),
    ("xn--.org", "idna error"),
    ("a b", "idna error"),
    (String(repeating: "a", count: 64), "idna error"),
    (Array(repeating: String(repeating: "a", count: 60), count: 5).joined(separator: "."), "idna error"),
    (" a", "label mismatch after idna"),
  ])
  func bad(name: String, text: String) {
    #expect(throws: ConversionError(text)) { try DNSName.validate(name) }
  }

  @Test func overlap() {
    #expect(DNSName.wildcardOverlap(in: ["*.example.org", "www.example.org"]))
    #expect(!DNSName.wildcardOverlap(in: ["*.example.org", "a.b.example.org", "example.org"]))
    #expect(!DNSName.wildcardOverlap(in: ["*.example.org", "*.example.org"]))
    #expect(!DNSName.wildcardOverlap(in: []))
  }
}
