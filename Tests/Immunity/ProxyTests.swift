import Testing

@testable import HTTP

/// Hosts that look as if no proxy were needed for them, and a header that names one. Their origins are in
/// docs/security/immunity.md.
@Suite struct ProxyTests {
  private static let proxies = HTTPProxies(environment: [
    "HTTPS_PROXY": "http://proxy.test:3128", "NO_PROXY": "example.com,10.0.0.0/8,fd00::/8,[2001:db8::1]:443",
  ])

  /// These are other hosts than those that are reached without a proxy.
  @Test(arguments: [
    "https://example.com.attacker.test/", "https://badexample.com/", "https://example.com@attacker.test/",
    "https://10.0.0.1.attacker.test/", "https://0x0a.0.0.1/", "https://167772161/", "https://012.0.0.1/",
    "https://10.1/", "https://11.0.0.1/", "https://[fe00::1]/", "https://[2001:db8::1]:444/", "https://localhost.test/",
    "https://127.0.0.1.test/", "https://[::ffff:11.0.0.1]/", "https://example.com../",
    "https://xn--example.com-9ab.test/",
  ])
  func hostsThatLookLikeExceptions(_ text: String) throws {
    let url: WebURL
    do { url = try WebURL(text) } catch { return }
    #expect(try Self.proxies.proxy(for: url) != nil, "\(text)")
  }

  /// A zone, an escape or a letter that Unicode folds is part of no host.
  @Test(arguments: [
    "https://[fe80::1%25.example.com]/", "https://[fe80::1%.example.com]/", "https://[::1%25eth0]/",
    "https://[10.0.0.1]/", "https://example.com%00.attacker.test/", "https://e\u{212A}ample.com/",
    "https://example。com/",
    "https://attacker.test\u{301}.example.com/", "https://attacker.test /", "https://attacker.test\\.example.com/",
    "https://[::1].example.com/", "https://[[::1]]/",
  ])
  func hostsThatAreNone(_ text: String) {
    #expect(throws: WebURL.Fault.self) { try WebURL(text) }
  }

  /// What is one of them is, however it is written.
  @Test func exceptionsAreExceptions() throws {
    for text in ["https://EXAMPLE.com/", "https://a.example.com/", "https://10.9.8.7/", "https://[::ffff:10.0.0.1]/"] {
      #expect(try Self.proxies.proxy(for: WebURL(text)) == nil, "\(text)")
    }
  }

  /// `Proxy: http://attacker.test` of a request is HTTP_PROXY in the environment of a CGI program.
  @Test func aHeaderNamesNoProxy() throws {
    let proxies = HTTPProxies(environment: ["HTTP_PROXY": "http://attacker.test", "REQUEST_METHOD": "GET"])
    #expect(throws: HTTPFailure.self) { try proxies.proxy(for: WebURL("http://service.test/", scheme: .http)) }
  }
}
