import Foundation
import HTTPTesting
import NIOHTTP1
import NIOSSL
import SPIFFE
import Synchronization
import Testing

@testable import HTTP

/// The client against a real server over real TLS: what is sent, what comes back, and what ends it.
@Suite(.timeLimit(.minutes(4))) struct HTTPClientTests {
  private let web = try! TestPKI("web.test")
  private let clients = try! TestPKI("clients.test")

  private func client(_ answer: Duration = .seconds(20), maximumBody: Int = 1 << 16) -> HTTPClient {
    HTTPClient(.init(connect: .seconds(20), answer: answer, maximumBody: maximumBody))
  }

  private func trust() throws -> ServerTrust { .web(.only([try web.root])) }

  private func url(_ server: TestWebServer, _ path: String = "/", host: String = "localhost") throws -> WebURL {
    try WebURL("https://\(host):\(server.port)\(path)")
  }

  private func failure(
    _ client: HTTPClient, _ request: HTTPRequest, _ route: HTTPRoute
  ) async -> HTTPFailure? {
    do {
      _ = try await client.send(request, over: route)
      return nil
    } catch {
      return error
    }
  }

  @Test func aRequestArrivesAsItWasMade() async throws {
    let certificate = try web.server(hosts: ["localhost"])
    try await TestWebServer.with(certificate, answer: { _ in .page(201, [("X-Number", "7")], Array("made".utf8)) }) {
      server in
      let route = HTTPRoute.https(try trust())
      let answer = try await client().send(
        HTTPRequest(
          .put, url(server, "/v1/a?list=true"),
          headers: [HTTPField("X-Vault-Token", "t"), HTTPField("User-Agent", "me")],
          body: Array("{}".utf8)), over: route)
      #expect(answer.status == 201)
      #expect(answer.reason == "Created")
      #expect(answer.header("x-number") == "7")
      #expect(answer.header("x-other") == nil)
      #expect(answer.body == Array("made".utf8))
      let request = try #require(server.script.received.last)
      #expect(request.head.method == .PUT)
      #expect(request.head.uri == "/v1/a?list=true")
      #expect(request.body == Array("{}".utf8))
      #expect(request.clientCertificate == nil)
      let expected = [
        "Host": "localhost:\(server.port)", "X-Vault-Token": "t", "User-Agent": "me", "Content-Length": "2",
        "Connection": "close",
      ]
      #expect(request.head.headers.count == expected.count)
      for (name, value) in expected { #expect(request.head.headers[name] == [value]) }
    }
  }

  @Test func everyMethodHasItsBodyOrNone() async throws {
    let certificate = try web.server(hosts: ["localhost"])
    try await TestWebServer.with(certificate, answer: { _ in .page(200, [], Array("x".utf8)) }) { server in
      let route = HTTPRoute.https(try trust())
      let rows: [(HTTPRequest.Method, String?)] = [
        (.get, nil), (.head, nil), (.post, "0"), (.put, "0"), (.patch, "0"), (.delete, nil),
      ]
      for (method, length) in rows {
        let answer = try await client(maximumBody: 1).send(HTTPRequest(method, url(server)), over: route)
        #expect(answer.body.count == (method == .head ? 0 : 1))
        let head = try #require(server.script.requests.last)
        #expect(head.method.rawValue == method.rawValue)
        #expect(head.headers.first(name: "Content-Length") == length)
      }
    }
  }

  @Test func redirectionsAreAnswersLikeOthers() async throws {
    let certificate = try web.server(hosts: ["localhost"])
    try await TestWebServer.with(certificate, answer: { _ in .redirection("/next") }) { server in
      let answer = try await client().send(HTTPRequest(.get, url(server)), over: .https(try trust()))
      #expect(answer.status == 302)
      #expect(answer.header("Location") == "/next")
      #expect(server.script.requests.count == 1)
    }
  }

  // MARK: Who is who

  @Test func aClientCertificateIsPresented() async throws {
    let certificate = try web.server(hosts: ["localhost"])
    let own = try clients.server(hosts: ["client"])
    try await TestWebServer.with(
      certificate, clientAuthority: clients.der, reply: { _ in .page(200, [], []) }
    ) { server in
      let identity = HTTPIdentity(certificates: [own.certificate], privateKey: own.key)
      try identity.check()
      let request = HTTPRequest(.get, try url(server))
      _ = try await client().send(request, over: .https(HTTPSecurity(try trust(), identity: identity)))
      #expect(server.script.received.last?.clientCertificate == own.certificate)
      _ = try await client().send(request, over: .https(try trust()))
      #expect(server.script.received.last?.clientCertificate == nil)

      // Of another authority: the server's refusal is not this side's doubt.
      let stranger = try web.server(hosts: ["client"])
      let found = await failure(
        client(), request,
        .https(
          HTTPSecurity(
            try trust(), identity: HTTPIdentity(certificates: [stranger.certificate], privateKey: stranger.key))))
      #expect(found?.isAuthentication == false)
      #expect(found != nil)

      let mixed = HTTPIdentity(certificates: [own.certificate], privateKey: stranger.key)
      #expect(throws: (any Error).self) { try mixed.check() }
      let refused = await failure(client(), request, .https(HTTPSecurity(try trust(), identity: mixed)))
      #expect(refused?.isAuthentication == true)
      let none = HTTPIdentity(certificates: [[1, 2, 3]], privateKey: own.key)
      #expect(throws: (any Error).self) { try none.check() }
    }
  }

  @Test func theNameCanBeAnother() async throws {
    let certificate = try web.server(hosts: ["vault.test"])
    try await TestWebServer.with(certificate, answer: { _ in .page(200, [], []) }) { server in
      for host in ["localhost", "127.0.0.1"] {
        let request = HTTPRequest(.get, try url(server, host: host))
        _ = try await client().send(request, over: .https(HTTPSecurity(try trust(), serverName: "vault.test")))
        for security in [HTTPSecurity(try trust()), HTTPSecurity(try trust(), serverName: "other.test")] {
          let found = await failure(client(), request, .https(security))
          #expect(found?.isAuthentication == true)
        }
      }
    }
  }

  @Test func aCertificateOfTheAddressIsNoneOfTheName() async throws {
    let certificate = try web.server(addresses: [[127, 0, 0, 1], Array(repeating: 0, count: 15) + [1]])
    try await TestWebServer.with(certificate, answer: { _ in .page(200, [], []) }) { server in
      let byAddress = HTTPRequest(.get, try url(server, host: "127.0.0.1"))
      #expect(try await client().send(byAddress, over: .https(try trust())).status == 200)
      let byName = await failure(client(), HTTPRequest(.get, try url(server, host: "localhost")), .https(try trust()))
      #expect(byName?.isAuthentication == true)
      #expect("\(try #require(byName))".hasSuffix("certificate is not valid for localhost"))
    }
  }

  @Test(arguments: [
    ("a.test", "a.test", true), ("A.Test", "a.test.", true), ("b.test", "a.test", false), ("*.test", "a.test", true),
    ("*.test", "b.a.test", false), ("*.a.test", "a.test", false), ("*", "localhost", false),
    ("a*.test", "ab.test", false),
    ("*.test", ".test", false), ("localhost", "localhost", true),
  ]) func hostsOfCertificates(_ name: String, _ host: String, _ isFor: Bool) throws {
    #expect(try HostNames(ofCertificate: try web.server(hosts: [name]).certificate).contain(host) == isFor)
  }

  @Test func verificationCanBeLeftOut() async throws {
    let certificate = try web.server(hosts: ["other.test"], to: -60)
    try await TestWebServer.with(certificate, answer: { _ in .page(200, [], []) }) { server in
      for host in ["localhost", "127.0.0.1"] {
        let request = HTTPRequest(.get, try url(server, host: host))
        #expect(try await client().send(request, over: .https(.unverified)).status == 200)
        let found = await failure(client(), request, .https(try trust()))
        #expect(found?.isAuthentication == true)
      }
    }
  }

  @Test func authoritiesCanComeFromAFile() async throws {
    let path = NSTemporaryDirectory() + "roots-" + UUID().uuidString + ".pem"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try PEM.encode(web.der, type: "CERTIFICATE").write(toFile: path, atomically: true, encoding: .utf8)
    try await TestWebServer.with(try web.server(hosts: ["localhost"]), answer: { _ in .page(200, [], []) }) { server in
      let request = HTTPRequest(.get, try url(server))
      _ = try await client().send(request, over: .https(.web(.file(path))))
      let found = await failure(client(), request, .https(.web(.file(path + ".not"))))
      #expect(found?.isAuthentication == true)
    }
  }

  @Test func theSchemeDecidesWhetherTheWayIsProtected() async throws {
    try await TestWebServer.with(nil, answer: { _ in .page(200, [], Array("plain".utf8)) }) { server in
      let plain = try WebURL(anyScheme: "http://127.0.0.1:\(server.port)/x")
      let secure = try WebURL(anyScheme: "https://127.0.0.1:\(server.port)/x")
      let security = HTTPSecurity(try trust())
      let route = HTTPRoute.named(by: plain, security)
      let answer = try await client().send(HTTPRequest(.get, plain), over: route)
      #expect(answer.body == Array("plain".utf8))
      for (url, route) in [
        (plain, .https(security)), (secure, .plain), (secure, .unixSocket(path: "/none")),
      ] as [(WebURL, HTTPRoute)] {
        let found = await failure(client(), HTTPRequest(.get, url), route)
        #expect(found?.description.contains("does not use the http") == true)
      }
      #expect(server.script.requests.count == 1)
      let found = await failure(client(), HTTPRequest(.get, secure), .named(by: secure, security))
      #expect(found?.isAuthentication == true)
    }
    #expect(throws: WebURL.Fault.neitherScheme) { try WebURL(anyScheme: "ftp://x") }
  }

  // MARK: What cannot be sent

  @Test(arguments: [
    ("X-Token", "a\r\nX-Other: b"), ("X-Token", "a\u{0}"), ("", "a"), ("a b", "c"), ("a:", "c"), ("Host", "x"),
    ("content-length", "1"), ("Transfer-Encoding", "chunked"), ("Connection", "keep-alive"),
  ]) func aHeaderStaysOnItsLine(_ name: String, _ value: String) async throws {
    let request = HTTPRequest(.get, try WebURL("https://name.invalid"), headers: [HTTPField(name, value)])
    let found = await failure(client(), request, .https(.unverified))
    #expect(found?.description.hasPrefix("net/http: invalid header field \"") == true)
    #expect(found?.description.contains("a\r") == false, "the value may be a secret")
  }

  @Test func aRequestHasItsBound() async throws {
    let body = [UInt8](repeating: 0, count: HTTPClient.maximumRequestBody + 1)
    let found = await failure(
      client(), HTTPRequest(.post, try WebURL("https://name.invalid"), body: body), .https(.unverified))
    #expect(found?.description.hasPrefix("the request has more than ") == true)
  }

  // MARK: Bounds

  @Test func answersHaveTheirBounds() async throws {
    try await TestWebServer.with(nil, answer: { _ in .hangUp }) { server in
      let request = HTTPRequest(.get, try WebURL(anyScheme: "http://127.0.0.1:\(server.port)"))
      let client = client(maximumBody: 1000)
      let full = [UInt8](repeating: 32, count: 1000)
      server.script.say { _ in .page(200, [], full) }
      #expect(try await client.send(request, over: .plain).body == full)
      let rows: [(TestWebServer.Answer, String)] = [
        (.page(200, [], full + [32]), "the answer is larger than 1000 bytes"),
        (.endless, "the answer is larger than 1000 bytes"),
        (.page(200, (0..<3000).map { ("X-\($0)", String(repeating: "h", count: 100)) }, []), "too many header bytes"),
        (.hangUp, "EOF"),
      ]
      for (answer, text) in rows {
        server.script.say { _ in answer }
        let found = await failure(client, request, .plain)
        #expect(found?.description.hasPrefix(text) == true, "\(String(describing: found))")
      }
      server.script.say { _ in .silence }
      let found = await failure(self.client(.milliseconds(200)), request, .plain)
      #expect(found?.description == "context deadline exceeded")
    }
  }

  @Test func whoGivesUpIsToldAtOnce() async throws {
    try await TestWebServer.with(nil, answer: { _ in .silence }) { server in
      let request = HTTPRequest(.get, try WebURL(anyScheme: "http://127.0.0.1:\(server.port)"))
      let client = client()
      let task = Task { () -> HTTPFailure? in
        do throws(HTTPFailure) {
          _ = try await client.send(request, over: .plain)
          return nil
        } catch {
          return error
        }
      }
      while server.script.requests.isEmpty { await Task.yield() }
      task.cancel()
      guard case .cancelled? = await task.value else {
        Issue.record("not cancelled")
        return
      }
    }
  }
}
