import Mutations
import Testing

@testable import Server

@Suite struct EndpointURLTests {
  @Test(arguments: [
    ("https://partner.test", "partner.test", 443, "/", "partner.test"),
    ("HTTPS://partner.test/", "partner.test", 443, "/", "partner.test"),
    ("https://partner.test:8443/bundle?a=b#c", "partner.test", 8443, "/bundle?a=b", "partner.test:8443"),
    ("https://partner.test?x", "partner.test", 443, "/?x", "partner.test"),
    ("https://partner.test:", "partner.test", 443, "/", "partner.test"),
    ("https://127.0.0.1:1", "127.0.0.1", 1, "/", "127.0.0.1:1"),
    ("https://[::1]:8443/x", "::1", 8443, "/x", "[::1]:8443"),
    ("https://partner.test/ä%20", "partner.test", 443, "/%C3%A4%20", "partner.test"),
  ])
  func reads(_ row: (String, String, Int, String, String)) throws {
    let url = try EndpointURL(row.0)
    #expect(url.host == row.1)
    #expect(url.port == row.2)
    #expect(url.target == row.3)
    #expect(url.authority == row.4)
    #expect(try EndpointURL(url.description) == url)
  }

  @Test(arguments: [
    ("", "must use the https scheme"), ("partner.test/x", "must use the https scheme"),
    ("http://partner.test", "must use the https scheme"), ("https", "must use the https scheme"),
    ("https:partner.test", "must specify the host"), ("https:///x", "must specify the host"),
    ("https://", "must specify the host"), ("https://:8443", "must specify the host"),
    ("https://user@partner.test", "must not contain user info"),
    ("https://user:secret@partner.test/x", "must not contain user info"),
    ("https://part ner.test", "cannot be parsed: invalid control character or space"),
    ("https://partner.test/\r\nHost: x", "cannot be parsed: invalid control character or space"),
    ("https://partner.test:0", "cannot be parsed: invalid port \"0\""),
    ("https://partner.test:65536", "cannot be parsed: invalid port \"65536\""),
    ("https://partner.test:-1", "cannot be parsed: invalid port \"-1\""),
    ("https://pärtner.test", "cannot be parsed: invalid character in host name"),
    ("https://[::1", "cannot be parsed: missing ']' in host"),
    ("https://[::g]", "cannot be parsed: invalid IPv6 address"),
    ("https://[::1]x", "cannot be parsed: invalid port after host"),
    ("https://partner.test/%zz", "cannot be parsed: invalid URL escape"),
  ])
  func refuses(_ row: (String, String)) {
    #expect(throws: EndpointURL.Fault.self) { try EndpointURL(row.0) }
    do { _ = try EndpointURL(row.0) } catch { #expect("\(error)" == row.1) }
  }

  @Test func redirections() throws {
    let url = try EndpointURL("https://partner.test:8443/a/b?q")
    #expect(try url.redirected(to: "/c").description == "https://partner.test:8443/c")
    #expect(try url.redirected(to: "c?d").description == "https://partner.test:8443/a/c?d")
    #expect(try url.redirected(to: "?d").description == "https://partner.test:8443/a/b?d")
    #expect(try url.redirected(to: "//other.test/x").description == "https://other.test/x")
    #expect(try url.redirected(to: "https://other.test").description == "https://other.test")
    for bad in ["http://partner.test:8443/a", "ftp:x", "https://u@partner.test", "/a\r\nX: y", "//"] {
      #expect(throws: EndpointURL.Fault.self) { try url.redirected(to: bad) }
    }
  }

  @Test func whatIsTakenIsSafeToSend() throws {
    for bytes in Mutations(of: "https://[::1]:8443/a%20b/é?c=d#e", count: 20_000) {
      let text = String(decoding: bytes, as: UTF8.self)
      guard let url = try? EndpointURL(text) else { continue }
      let line = url.authority + url.target
      #expect(line.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
      #expect(!url.host.isEmpty && (1...65535).contains(url.port) && url.target.hasPrefix("/"))
      #expect(try EndpointURL(url.description) == url)
    }
  }
}
