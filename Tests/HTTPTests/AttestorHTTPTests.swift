import Foundation
import HTTPTesting
import NIOHTTP1
import Testing

@testable import HTTP

/// The client of node attestors: every peer's terms, and every way in which a peer that is not what it says it is could
/// cost more or lead further.
@Suite(.timeLimit(.minutes(4))) struct AttestorHTTPTests {
  /// What a server does to whoever asks it, and how the request ends.
  struct Attack: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let answer: TestWebServer.Answer
    let says: String
  }

  private static let attacks = [
    Attack(
      testDescription: "redirection", answer: .redirection("http://169.254.169.254/latest/"),
      says: "http redirects are disabled"),
    Attack(
      testDescription: "permanent redirection",
      answer: .page(308, [("Location", "/elsewhere")], []), says: "http redirects are disabled"),
    Attack(testDescription: "endless body", answer: .endless, says: "the answer is larger than "),
    Attack(testDescription: "slow body", answer: .trickle, says: "context deadline exceeded"),
    Attack(testDescription: "silence", answer: .silence, says: "context deadline exceeded"),
    Attack(
      testDescription: "huge header",
      answer: .page(200, [("X-Padding", String(repeating: "x", count: 512 << 10))], []),
      says: "too many header bytes seen"),
    // A megabyte of zeros in the form of a kilobyte; it is not unfolded, and no encoding was asked for.
    Attack(
      testDescription: "gzip bomb",
      answer: .page(200, [("Content-Encoding", "gzip")], [0x1F, 0x8B, 0x08, 0x00]),
      says: "the answer is encoded, which was not asked for"),
    Attack(testDescription: "no answer", answer: .hangUp, says: "EOF"),
  ]

  @Test(arguments: AttestorPeer.allCases, attacks)
  func everyPeerIsHeldToItsTerms(_ peer: AttestorPeer, _ attack: Attack) async throws {
    // The times of the table would take minutes here.
    var limits = peer.limits
    let isWaiting = attack.says.hasPrefix("context")
    limits.answer = isWaiting ? .milliseconds(200) : .seconds(60)
    let client = AttestorHTTP(peer, limits: limits, environment: [:])
    try await TestWebServer.with(nil, answer: { _ in attack.answer }) { server in
      let url = try WebURL("http://127.0.0.1:\(server.port)/", scheme: .http)
      let error = await #expect(throws: HTTPFailure.self) {
        try await client.send(HTTPRequest(.get, url), over: .plain)
      }
      let said = error?.description ?? ""
      // 64 bytes at five milliseconds each are there before the time is over, or not: both are refusals.
      let isLarge = attack.testDescription == "slow body" && said.hasPrefix("the answer is larger")
      #expect(said.hasPrefix(attack.says) || isLarge, "\(said)")
      #expect(server.script.requests.count == 1)
      let asked = try #require(server.script.requests.first).headers
      #expect(asked["Accept-Encoding"].isEmpty)
    }
  }

  /// Who is asked through a proxy, and how much is taken: as the table of docs/security/immunity.md says.
  @Test func theTermsAreThoseOfTheTable() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appendingPathComponent("docs/security/immunity.md"), encoding: .utf8)
    for peer in AttestorPeer.allCases {
      let limits = peer.limits
      let size =
        switch limits.maximumBody {
        case 64: "64 bytes"
        case ..<(1 << 20): "\(limits.maximumBody >> 10) KiB"
        default: "\(limits.maximumBody >> 20) MiB"
        }
      let row =
        "| `\(peer.rawValue)` | \(peer.attestor) | \(peer.usesProxies ? "yes" : "no") | "
        + "\(limits.connect.components.seconds) s + \(limits.answer.components.seconds) s | \(size) |"
      #expect(page.contains(row), "docs/security/immunity.md lacks \(row)")
      // Never so long that an attestation, which has a minute, waits for it more than once.
      #expect(limits.connect + limits.answer <= .seconds(20))
      #expect(limits.maximumBody <= 4 << 20)
    }
  }

  // MARK: Proxies

  private static let web = try! TestPKI("web.test")

  private func answer(
    _ peer: AttestorPeer, _ url: String, _ environment: [String: String]
  ) async throws -> String {
    let client = AttestorHTTP(peer, environment: environment)
    let trust = ServerTrust.web(.only([try Self.web.root]))
    let url = try WebURL(anyScheme: url)
    do {
      return String(
        decoding: try await client.send(HTTPRequest(.get, url), over: .named(by: url, HTTPSecurity(trust))).body,
        as: UTF8.self)
    } catch {
      return "\(error)"
    }
  }

  @Test func aProtectedConnectionGoesThroughTheProxy() async throws {
    let certificate = try Self.web.server(hosts: ["ec2.service.test"])
    try await TestWebServer.with(certificate, answer: { _ in .page(200, [], Array("here".utf8)) }) { server in
      try await TestProxy.with(to: server.port) { proxy, port in
        let environment = ["https_proxy": "http://me:secret%21@127.0.0.1:\(port)"]
        #expect(try await answer(.awsServices, "https://ec2.service.test/path", environment) == "here")
        #expect(
          proxy.requests == [
            "CONNECT ec2.service.test:443 HTTP/1.1\r\nHost: ec2.service.test:443\r\nUser-Agent: swift-spire\r\n"
              + "Proxy-Authorization: Basic bWU6c2VjcmV0IQ==\r\n\r\n"
          ])
        let request = try #require(server.script.requests.first)
        #expect(request.uri == "/path")
        #expect(request.headers["Proxy-Authorization"].isEmpty, "the server learns nothing of the proxy's password")
        // The proxy's say counts for nothing: the server behind it must be the one that was asked for.
        let other = try await answer(.awsServices, "https://iam.service.test/", environment)
        #expect(other.hasPrefix("tls: failed to verify certificate"), "\(other)")
      }
    }
  }

  @Test func aRequestInTheClearNamesItsServer() async throws {
    try await TestWebServer.with(nil, answer: { _ in .page(200, [], Array("seen".utf8)) }) { server in
      let environment = ["HTTP_PROXY": "me:pw@127.0.0.1:\(server.port)"]
      #expect(try await answer(.awsServices, "http://ec2.service.test:8080/a?b=c", environment) == "seen")
      let request = try #require(server.script.requests.first)
      #expect(request.uri == "http://ec2.service.test:8080/a?b=c")
      #expect(request.headers["Host"] == ["ec2.service.test:8080"])
      #expect(request.headers["Proxy-Authorization"] == ["Basic bWU6cHc="])
    }
  }

  @Test(arguments: AttestorPeer.allCases)
  func aProxyIsUsedWhereTheTermsSaySo(_ peer: AttestorPeer) async throws {
    try await TestProxy.with(to: 1, answer: "HTTP/1.1 403 Forbidden\r\n\r\n") { proxy, port in
      let environment = ["HTTPS_PROXY": "127.0.0.1:\(port)"]
      let said = try await answer(peer, "https://peer.invalid/", environment)
      #expect(proxy.requests.count == (peer.usesProxies ? 1 : 0))
      if peer.usesProxies {
        #expect(said == #"the proxy 127.0.0.1:\#(port) answers CONNECT with "HTTP/1.1 403 Forbidden""#)
      }
    }
  }

  @Test(arguments: [
    ("HTTP/1.1 200 OK\r\n\r\nand more", "speaks out of turn"), ("SSH-2.0-x\r\n\r\n", "does not answer in HTTP"),
    ("HTTP/1.1 200 OK\r\n" + String(repeating: "x", count: 20_000), "answers CONNECT with a head that does not end"),
    ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "answers CONNECT with"),
  ])
  func aProxyThatMisbehavesIsNamed(_ answered: String, _ says: String) async throws {
    try await TestWebServer.with(nil, answer: { _ in .hangUp }) { server in
      try await TestProxy.with(to: server.port, answer: answered) { _, port in
        let said = try await answer(.platformKeys, "https://keys.test/", ["HTTPS_PROXY": "http://127.0.0.1:\(port)"])
        #expect(said.hasPrefix("the proxy 127.0.0.1:\(port) \(says)"), "\(said)")
      }
    }
  }

  @Test func aSilentProxyIsNotWaitedForLong() async throws {
    try await TestProxy.with(to: 1, answer: "") { _, port in
      let limits = HTTPClient.Limits(connect: .milliseconds(200), answer: .seconds(60), maximumBody: 64)
      let client = AttestorHTTP(
        .platformKeys, limits: limits, environment: ["HTTPS_PROXY": "http://127.0.0.1:\(port)"])
      let url = try WebURL("https://keys.test/")
      let error = await #expect(throws: HTTPFailure.self) {
        try await client.send(HTTPRequest(.get, url), over: .https(.web(.only([try Self.web.root]))))
      }
      #expect(error?.description == "context deadline exceeded")
    }
  }

  /// The rules of Go's `http.ProxyFromEnvironment`.
  @Test(arguments: [
    ("", "https://a.test/", true), ("a.test", "https://a.test/", false), ("a.test", "https://b.a.test/", false),
    (".a.test", "https://a.test/", true), (".a.test", "https://b.a.test/", false),
    ("*.a.test", "https://a.test/", true), ("*.a.test", "https://b.a.test/", false),
    ("a.test", "https://ba.test/", true), ("A.Test , other", "https://a.test/", false),
    ("a.test:443", "https://a.test/", false), ("a.test:8443", "https://a.test/", true), ("*", "https://a.test/", false),
    ("10.0.0.0/8", "https://10.1.2.3/", false), ("10.0.0.0/8", "https://11.1.2.3/", true),
    ("10.1.2.3", "https://10.1.2.3/", false), ("10.1.2.3:80", "https://10.1.2.3/", true),
    ("fd00::/8", "https://[fd00:ec2::23]/", false), ("::1", "https://[::1]/", false),
    ("[fd00::1]:443", "https://[fd00::1]/", false), ("10.0.0.0/99", "https://10.1.2.3/", true),
    ("", "https://localhost/", false), ("", "https://127.9.9.9/", false), ("", "https://[::1]:99/", false),
    ("", "https://localhost.a.test/", true),
  ])
  func someHostsAreReachedDirectly(_ exceptions: String, _ url: String, _ isProxied: Bool) throws {
    let proxies = HTTPProxies(environment: ["HTTPS_PROXY": "proxy.test:3128", "no_proxy": exceptions])
    #expect((try proxies.proxy(for: WebURL(url)) != nil) == isProxied)
    #expect(try proxies.proxy(for: WebURL("http://a.test/", scheme: .http)) == nil)
  }

  /// A proxy that cannot be used is not gone around.
  @Test(arguments: [
    (["HTTPS_PROXY": "socks5://proxy.test"], "the proxy of HTTPS_PROXY must use the http scheme"),
    (["HTTPS_PROXY": "https://u:secret@proxy.test"], "the proxy of HTTPS_PROXY must use the http scheme"),
    (
      ["HTTP_PROXY": "http://proxy.test", "REQUEST_METHOD": "GET"],
      "refusing to use HTTP_PROXY value in CGI environment"
    ),
  ])
  func aProxyThatCannotBeUsedIsAnError(_ environment: [String: String], _ says: String) async throws {
    let scheme = environment["HTTP_PROXY"] == nil ? "https" : "http"
    let said = try await answer(.awsServices, "\(scheme)://a.test/", environment)
    #expect(said.hasPrefix(says), "\(said)")
    #expect(!said.contains("secret"))
  }
}
