import Mutations
import Testing

@testable import HTTP

@Suite struct WebURLTests {
  @Test(arguments: [
    ("https://partner.test", "partner.test", 443, "/", "partner.test"),
    ("HTTPS://partner.test/", "partner.test", 443, "/", "partner.test"),
    ("https://partner.test:8443/bundle?a=b#c", "partner.test", 8443, "/bundle?a=b", "partner.test:8443"),
    ("https://partner.test?x", "partner.test", 443, "/?x", "partner.test"),
    ("https://partner.test:", "partner.test", 443, "/", "partner.test"),
    ("https://127.0.0.1:1", "127.0.0.1", 1, "/", "127.0.0.1:1"),
    ("https://[::1]:8443/x", "::1", 8443, "/x", "[::1]:8443"),
    ("https://partner.test/ä%20 b", "partner.test", 443, "/%C3%A4%20%20b", "partner.test"),
  ])
  func reads(_ row: (String, String, Int, String, String)) throws {
    let url = try WebURL(row.0)
    #expect(url.host == row.1)
    #expect(url.port == row.2)
    #expect(url.target == row.3)
    #expect(url.authority == row.4)
    #expect(try WebURL(url.description) == url)
  }

  private static let malformedHost = "cannot be parsed: invalid character \" \" in host name"
  private static let colon = "first path segment in URL cannot contain colon"

  @Test(arguments: [
    ("", "must use the https scheme"), ("partner.test/x", "must use the https scheme"),
    ("http://partner.test", "must use the https scheme"), ("https", "must use the https scheme"),
    ("https:partner.test", "must specify the host"), ("https:///x", "must specify the host"),
    ("https://", "must specify the host"), ("https://:8443", "must specify the host"),
    ("https://user@partner.test", "must not contain user info"),
    ("https://user:secret@partner.test/x", "must not contain user info"),
    ("http://user@:1/%zz", "cannot be parsed: invalid URL escape \"%zz\""), ("ftp://a b", malformedHost),
    ("https://part ner.test", malformedHost), ("1https://x", "cannot be parsed: \(colon)"),
    ("a b://x", "cannot be parsed: \(colon)"), ("://x", "cannot be parsed: missing protocol scheme"),
    ("https://partner.test/\r\nHost: x", "cannot be parsed: net/url: invalid control character in URL"),
    ("https://partner.test:0", "cannot be parsed: invalid port \":0\" after host"),
    ("https://partner.test:65536", "cannot be parsed: invalid port \":65536\" after host"),
    ("https://partner.test:-1", "cannot be parsed: invalid port \":-1\" after host"),
    ("https://pärtner.test", "cannot be parsed: invalid character \"ä\" in host name"),
    ("https://a\"b", "cannot be parsed: invalid character \"\\\"\" in host name"),
    ("https://[::1", "cannot be parsed: missing ']' in host"),
    ("https://[::g]", "cannot be parsed: invalid IPv6 address"),
    ("https://[::1]x", "cannot be parsed: invalid port \"x\" after host"),
    ("https://partner.test/%zz", "cannot be parsed: invalid URL escape \"%zz\""),
    ("https://partner.test/?a#%f", "cannot be parsed: invalid URL escape \"%f\""),
    ("https://" + String(repeating: "x", count: 254), "cannot be parsed: host name of more than 253 bytes"),
    ("https://" + String(repeating: "x", count: 5000), "cannot be parsed: longer than 4096 bytes"),
  ])
  func refuses(_ row: (String, String)) {
    #expect(throws: WebURL.Fault.self) { try WebURL(row.0) }
    do { _ = try WebURL(row.0) } catch { #expect("\(error)" == row.1) }
  }

  @Test func otherSchemesAndUsers() throws {
    let plain = try WebURL("http://partner.test/x", scheme: .http)
    #expect(plain.port == 80 && plain.authority == "partner.test" && plain.description == "http://partner.test/x")
    #expect(throws: WebURL.Fault.scheme(.http)) { try WebURL("https://partner.test", scheme: .http) }
    #expect(try plain.redirected(to: "//other.test").scheme == .http)
    let user = try WebURL("https://a%3A:p%40ss@partner.test/x", allowsUser: true)
    #expect(user.credential == "a::p@ss" && user.host == "partner.test")
    #expect(user.description == "https://partner.test/x", "a password is not printed")
    #expect(try user.redirected(to: "/y").credential == "a::p@ss")
    #expect(try user.redirected(to: "https://other.test/").credential == nil)
    for bad in ["https://a b@x", "https://%zz@x", "https://a%4@x", "https://é@x"] {
      #expect(throws: WebURL.Fault.malformed("net/url: invalid userinfo")) { try WebURL(bad, allowsUser: true) }
    }
  }

  @Test(arguments: [
    ("/x", "/x?a=2&b=+%26"), ("/?b=1&c=3&b=2", "/?a=2&b=+%26&c=3"), ("/?%7A=%C3%A4+&y", "/?a=2&b=+%26&y=&z=%C3%A4+"),
    ("/?q=1&q=0&x;y=1", "/?a=2&b=+%26&q=1&q=0"), ("?", "/?a=2&b=+%26"),
  ])
  func queries(_ row: (String, String)) throws {
    let url = try WebURL("https://partner.test" + row.0)
    #expect(url.setting([("b", " &"), ("a", "2")]).target == row.1)
  }

  @Test func redirections() throws {
    let url = try WebURL("https://partner.test:8443/a/b?q")
    #expect(try url.redirected(to: "/c").description == "https://partner.test:8443/c")
    #expect(try url.redirected(to: "c?d").description == "https://partner.test:8443/a/c?d")
    #expect(try url.redirected(to: "?d").description == "https://partner.test:8443/a/b?d")
    #expect(try url.redirected(to: "//other.test/x").description == "https://other.test/x")
    #expect(try url.redirected(to: "https://other.test").description == "https://other.test")
    for bad in ["http://partner.test:8443/a", "ftp:x", "https://u@partner.test", "/a\r\nX: y", "//"] {
      #expect(throws: WebURL.Fault.self) { try url.redirected(to: bad) }
    }
  }

  @Test func whatIsTakenIsSafeToSend() throws {
    for bytes in Mutations(of: "https://[::1]:8443/a%20b/é?c=d#e", count: 20_000) {
      let text = String(decoding: bytes, as: UTF8.self)
      guard let url = try? WebURL(text) else { continue }
      let line = url.authority + url.target
      #expect(line.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
      #expect(!url.host.isEmpty && (1...65535).contains(url.port) && url.target.hasPrefix("/"))
      #expect(try WebURL(url.description) == url)
      let more = url.setting([("name", text)])
      #expect(more.target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && more.queryNames.contains("name"))
      #expect(try WebURL(more.description) == more)
    }
  }
}
