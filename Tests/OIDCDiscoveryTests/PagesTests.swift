import Daemon
import DaemonTesting
import Foundation
import Keys
import SPIFFE
import Testing

@testable import OIDCDiscovery

/// The pages byte by byte (oidc-discovery-provider §3).
@Suite struct PagesTests {
  private let time = TestTime()
  private let log = LogCapture()

  private func pages(
    _ text: String = "", isTLS: Bool = false, keys: PublishedKeys? = nil
  ) throws -> DiscoveryPages {
    let base = "domains = [\"a.test\"] insecure_addr = \":1\" file { path = \"p\" }\n"
    return DiscoveryPages(
      try configuration(base + text), isTLS: isTLS,
      keys: keys ?? PublishedKeys(setsKeyUse: false, time: time, logger: log.logger), logger: log.logger)
  }

  private func get(
    _ pages: DiscoveryPages, _ path: String, method: String = "GET",
    _ headers: [(String, String)] = [("Host", "a.test")]
  ) -> HTTPListener.Response {
    pages.answer(
      HTTPListener.Request(method: method, path: path, headers: headers.map { (name: $0.0, value: $0.1) }, peer: "p:1"))
  }

  private let discovery = "/.well-known/openid-configuration"

  @Test func theDiscoveryDocument() throws {
    let answer = get(try pages(), discovery)
    #expect(answer.status == 200 && answer.contentType == "application/json")
    #expect(answer.headers.map { "\($0.name): \($0.value)" } == ["Access-Control-Allow-Origin: *"])
    #expect(
      answer.body == """
        {
          "issuer": "https://a.test",
          "jwks_uri": "https://a.test/keys",
          "authorization_endpoint": "",
          "response_types_supported": [
            "id_token"
          ],
          "subject_types_supported": [
            "public"
          ],
          "id_token_signing_alg_values_supported": [
            "RS256",
            "ES256",
            "ES384"
          ]
        }
        """)
  }

  /// The two URLs of the document.
  private func urls(
    _ settings: String, _ headers: [(String, String)], isTLS: Bool = false, path: String? = nil
  ) throws -> [String?] {
    let answer = get(try pages(settings, isTLS: isTLS), path ?? discovery, headers)
    let document = try JSONValue(parsing: answer.body)
    return [document["issuer"]?.string, document["jwks_uri"]?.string]
  }

  @Test func whereItIsServed() throws {
    let host = [("Host", "a.test:8443")]
    #expect(try urls("", host) == ["https://a.test:8443", "https://a.test:8443/keys"])
    #expect(
      try urls("server_path_prefix = \"/x/y\"", host, path: "/x/y" + discovery) == [
        "https://a.test:8443/x/y", "https://a.test:8443/x/y/keys",
      ])
    let issuer = "jwt_issuer = \"https://i.test/base\""
    #expect(try urls(issuer, host) == ["https://i.test/base", "https://i.test/base/keys"])
    #expect(
      try urls(issuer + " server_path_prefix = \"/x\"", host, path: "/x" + discovery) == [
        "https://i.test/base", "https://i.test/base/keys",
      ])
    #expect(
      try urls(issuer + " jwks_uri = \"https://k.test/j?a=b\"", host) == [
        "https://i.test/base", "https://k.test/j?a=b",
      ])
    #expect(try urls("jwks_uri = \"https://k.test/j\"", host) == ["https://a.test:8443", "https://k.test/j"])
  }

  @Test func schemes() throws {
    let allowed = "allow_insecure_scheme = true"
    let host = ("Host", "a.test")
    #expect(try urls("", [host])[0] == "https://a.test")
    #expect(try urls(allowed, [host])[0] == "http://a.test")
    #expect(try urls(allowed, [host], isTLS: true)[0] == "https://a.test")
    for header in ["X-Forwarded-Proto", "X-Forwarded-Scheme"] {
      #expect(try urls(allowed, [host, (header, "HTTPS")])[0] == "https://a.test", "\(header)")
      #expect(try urls(allowed, [host, (header, "http")])[0] == "http://a.test", "\(header)")
    }
    #expect(try urls(allowed, [host, ("Forwarded", "for=1.2.3.4;Proto=HTTPS;by=x")])[0] == "https://a.test")
    #expect(try urls(allowed, [host, ("Forwarded", "for=1.2.3.4")])[0] == "http://a.test")
  }

  @Test func hostsThatAreNotListed() throws {
    let rows: [([(String, String)], String)] = [
      ([("Host", "b.test")], "b.test"), ([("Host", "b.test:80")], "b.test"), ([("Host", "A.test")], "A.test"),
      ([], ""), ([("Host", "a.test.")], "a.test."), ([("Host", "[::1]:80")], "::1"),
      ([("Host", "a.test:1:2")], "a.test:1:2"),
      ([("Host", "a.test"), ("X-Forwarded-Host", "b.test")], "b.test"),
    ]
    let pages = try pages()
    for (headers, domain) in rows {
      let answer = get(pages, discovery, headers)
      #expect(answer.status == 400 && answer.body == "domain \"\(domain)\" is not allowed\n", "\(headers)")
    }
    #expect(get(pages, discovery, [("Host", "b.test"), ("X-Forwarded-Host", "a.test")]).status == 200)
    #expect(get(pages, discovery, [("Host", "b.test"), ("x-forwarded-host", "a.test:90")]).status == 200)
    // The issuer that is configured does not change whose name counts.
    let other = try self.pages("jwt_issuer = \"https://b.test\" jwks_uri = \"https://b.test/keys\"")
    #expect(get(other, discovery, [("Host", "b.test")]).status == 400)
  }

  @Test func pathsAndMethods() throws {
    let keys = PublishedKeys(setsKeyUse: false, time: time, logger: log.logger)
    keys.publish([try authority("k")])
    let pages = try pages("server_path_prefix = \"/x\" log_requests = true", keys: keys)
    for path in [discovery, "/keys", "/", "/x", "/x/keys/", "/x//keys", "/X/keys"] {
      let answer = get(pages, path)
      #expect(answer.status == 404 && answer.body == "404 page not found\n", "\(path)")
    }
    for method in ["POST", "HEAD", "OPTIONS", "PUT"] {
      for path in ["/x" + discovery, "/x/keys"] {
        let answer = get(pages, path, method: method)
        #expect(answer.status == 405 && answer.body == "method not allowed\n")
      }
    }
    #expect(get(pages, "/x/keys", []).status == 200, "whatever the host")
    #expect(log.lines.last == "Incoming request method=GET remote-addr=p:1 url=/x/keys user-agent=")
  }

  @Test func theKeys() throws {
    let keys = PublishedKeys(setsKeyUse: true, time: time, logger: log.logger)
    let pages = try pages(keys: keys)
    #expect(get(pages, "/keys").status == 500 && get(pages, "/keys").body == "document not available\n")
    keys.publish([])
    #expect(get(pages, "/keys").status == 501)
    #expect(get(pages, "/keys").body == "jwt not supported/enabled in this service\n")

    let algorithms: [(KeyType, String, String)] = [
      (.ecP256, "ES256", "EC"), (.ecP384, "ES384", "EC"), (.rsa2048, "RS256", "RSA"), (.rsa4096, "RS256", "RSA"),
    ]
    var authorities = try algorithms.map { try authority($0.0.rawValue, $0.0) }
    authorities.insert(JWTAuthority(publicKey: [1, 2, 3], keyID: "bad"), at: 1)
    time.advance(by: .seconds(60))
    keys.publish(authorities)
    #expect(log.lines.contains { $0.hasPrefix("Malformed public key in bundle error=") && $0.hasSuffix("kid=bad") })
    let answer = get(pages, "/keys")
    #expect(answer.status == 200 && answer.contentType == "application/json")
    #expect(answer.body.hasPrefix("{\n  \"keys\": [\n    {\n      \"use\": \"sig\",\n      \"kty\": \"EC\",\n"))
    let list = try #require(try JSONValue(parsing: answer.body)["keys"]?.array)
    #expect(list.map { $0["kid"]?.string } == algorithms.map { $0.0.rawValue })
    #expect(list.map { $0["alg"]?.string } == algorithms.map { $0.1 })
    #expect(list.map { $0["kty"]?.string } == algorithms.map { $0.2 })
    #expect(
      list.map { $0.object?.members.map(\.name) } == [
        ["use", "kty", "kid", "crv", "alg", "x", "y"], ["use", "kty", "kid", "crv", "alg", "x", "y"],
        ["use", "kty", "kid", "alg", "n", "e"], ["use", "kty", "kid", "alg", "n", "e"],
      ])
    #expect(
      answer.headers.map { "\($0.name): \($0.value)" } == [
        "Access-Control-Allow-Origin: *", "Cache-Control: no-cache, no-store, must-revalidate", "Expires: 0",
        "Pragma: no-cache", "Last-Modified: \(HTTPDate.text(time.now))", "Accept-Ranges: bytes",
      ])
  }

  @Test func theTimeOfTheLastChange() throws {
    let keys = PublishedKeys(setsKeyUse: false, time: time, logger: log.logger)
    var first = try authority("k")
    keys.publish([first])
    let made = try #require(keys.page?.modified)
    time.advance(by: .seconds(10))
    keys.publish([first])
    #expect(keys.page?.modified == made, "the same keys")
    first.tainted = true
    first.expiresAt = 7
    keys.publish([first])
    #expect(keys.page?.modified == made, "nothing of it is on the page")
    keys.publish([first, try authority("l")])
    #expect(keys.page?.modified == made + 10)
    #expect(keys.page?.body.contains("\"use\"") == false)
    #expect(keys.age == .zero)
  }

  @Test func conditionalRequests() throws {
    let changed = Date(timeIntervalSince1970: 1_000_000.5)
    let page = ConditionalPage(body: "0123456789", contentType: "t", modified: changed, headers: [("X", "y")])
    func ask(_ headers: [(String, String)]) -> (Int, String, String?) {
      let answer = page.answer(.init(method: "GET", path: "/", headers: headers.map { (name: $0.0, value: $0.1) }))
      return (answer.status, answer.body, answer.headers.first { $0.name == "Content-Range" }?.value)
    }
    let (same, before, after) = (HTTPDate.text(changed), HTTPDate.text(changed - 1), HTTPDate.text(changed + 1))
    let rows: [([(String, String)], Int, String, String?)] = [
      ([], 200, "0123456789", nil),
      ([("If-Modified-Since", same)], 304, "", nil),
      ([("If-Modified-Since", after)], 304, "", nil),
      ([("If-Modified-Since", before)], 200, "0123456789", nil),
      ([("If-Modified-Since", "yesterday")], 200, "0123456789", nil),
      ([("If-None-Match", "\"x\""), ("If-Modified-Since", same)], 200, "0123456789", nil),
      ([("If-Unmodified-Since", before)], 412, "", nil),
      ([("If-Unmodified-Since", same)], 200, "0123456789", nil),
      ([("Range", "bytes=2-4")], 206, "234", "bytes 2-4/10"),
      ([("Range", "bytes=7-")], 206, "789", "bytes 7-9/10"),
      ([("Range", "bytes=-3")], 206, "789", "bytes 7-9/10"),
      ([("Range", "bytes=-30")], 206, "0123456789", "bytes 0-9/10"),
      ([("Range", "bytes=8-99")], 206, "89", "bytes 8-9/10"),
      ([("Range", "bytes=10-")], 416, "invalid range: failed to overlap\n", "bytes */10"),
      ([("Range", "bytes=-0")], 416, "invalid range: failed to overlap\n", "bytes */10"),
      ([("Range", "bytes=5-2")], 200, "0123456789", nil),
      ([("Range", "bytes=0-1,4-5")], 200, "0123456789", nil),
      ([("Range", "lines=1-2")], 200, "0123456789", nil),
      ([("Range", "bytes=a-b")], 200, "0123456789", nil),
      ([("Range", "bytes=-")], 200, "0123456789", nil),
      ([("Range", "bytes=99999999999999999999-")], 200, "0123456789", nil),
      ([("Range", "bytes=0-99999999999999999999")], 200, "0123456789", nil),
      ([("Range", "bytes=0-9223372036854775807")], 206, "0123456789", "bytes 0-9/10"),
      ([("Range", "bytes=2-4"), ("If-Range", same)], 206, "234", "bytes 2-4/10"),
      ([("Range", "bytes=2-4"), ("If-Range", before)], 200, "0123456789", nil),
      ([("Range", "bytes=2-4"), ("If-Range", "\"tag\"")], 200, "0123456789", nil),
    ]
    for (headers, status, body, range) in rows { #expect(ask(headers) == (status, body, range), "\(headers)") }
  }

  @Test func health() throws {
    let keys = PublishedKeys(setsKeyUse: false, time: time, logger: log.logger)
    let pages = HealthPages(
      .init(port: 1, readyPath: "/ready", livePath: "/live"), pollInterval: .seconds(10), keys: keys, time: time)
    func status(_ path: String, _ method: String = "GET") -> Int {
      pages.answer(.init(method: method, path: path)).status
    }
    func states() -> [Int] { [status("/ready"), status("/live")] }
    #expect(states() == [500, 200], "nothing yet, but it is early")
    time.advance(by: .seconds(180))
    #expect(states() == [500, 500], "nothing for too long")
    keys.publish([])
    #expect(states() == [200, 200])
    time.advance(by: .seconds(179))
    #expect(states() == [200, 200])
    time.advance(by: .seconds(1))
    #expect(states() == [500, 500], "stale")
    keys.publish([])
    #expect(states() == [200, 200])
    time.set(by: .seconds(86400))
    #expect(states() == [200, 200], "a clock that is set says nothing about the keys")
    #expect(status("/ready", "HEAD") == 405 && status("/live", "POST") == 405 && status("/other") == 404)
    #expect(HealthPages.threshold(.seconds(35)) == .seconds(180))
    #expect(HealthPages.threshold(.seconds(60)) == .seconds(300))
  }
}
