import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import HTTP
import HTTPTesting
import NIOHTTP1
import NIOSSL
import SPIFFE
import Testing

@testable import Server

/// Bundles over real TLS: whom the client believes, and what it takes (server-behaviour §9.2).
@Suite(.timeLimit(.minutes(4))) struct HTTPSBundleEndpointTests {
  private let partner = try! TestPKI("partner.test")
  private let web = try! TestPKI("web.test")
  private static let id = "spiffe://partner.test/spire/server"

  private func document(hint: Int64 = 300) throws -> String {
    try BundleDocument.encode(partner.bundle(refreshHint: hint))
  }

  private func relationship(_ url: String, id: String? = nil) throws -> FederationRelationship {
    FederationRelationship(
      trustDomain: partner.trustDomain, bundleEndpointURL: url,
      profile: try id.map { .httpsSPIFFE(endpointID: try SPIFFEID($0)) } ?? .httpsWeb)
  }

  private func client(
    _ roots: [TestPKI] = [], deadline: Duration = .seconds(20), log: LogCapture = LogCapture()
  ) throws -> HTTPSBundleEndpoint {
    let roots = try roots.map { try $0.root }
    return HTTPSBundleEndpoint(
      roots: roots.isEmpty ? .system(environment: [:]) : .only(roots), deadline: deadline, time: SystemTime(),
      logger: log.logger)
  }

  /// The text of what a fetch fails with.
  private func failure(
    _ client: HTTPSBundleEndpoint, _ relationship: FederationRelationship, _ authorities: SPIFFE.Bundle? = nil
  ) async -> (code: FederationError.Code, text: String)? {
    do {
      _ = try await client.fetch(relationship, authorities: authorities)
      return nil
    } catch {
      return (error.code, error.message)
    }
  }

  // MARK: https_web

  @Test func webEndpointsProveTheirName() async throws {
    let page = try document()
    let certificate = try web.server(hosts: ["localhost"], addresses: [[127, 0, 0, 1]])
    try await TestWebServer.with(certificate, answer: { _ in .bundle(page) }) { server in
      for host in ["localhost", "127.0.0.1"] {
        let fetched = try await client([web]).fetch(
          relationship("https://\(host):\(server.port)/bundle?a=b"), authorities: nil)
        #expect(fetched == partner.bundle(refreshHint: 300))
      }
      let request = try #require(server.script.requests.first)
      #expect(request.uri == "/bundle?a=b")
      #expect(request.headers["Host"] == ["localhost:\(server.port)"])

      // Another name, unknown authorities, and the system's authorities.
      server.script.present(try web.server(hosts: ["other.test"], addresses: [[127, 0, 0, 2]]))
      for host in ["localhost", "127.0.0.1"] {
        let found = try await failure(client([web]), relationship("https://\(host):\(server.port)"))
        #expect(found?.code == .unauthenticated)
        #expect(found?.text.hasPrefix("failed to fetch bundle: Get \"https://\(host):\(server.port)\": tls: ") == true)
      }
      server.script.present(certificate)
      for client in [try client([partner]), try client()] {
        #expect(try await failure(client, relationship("https://localhost:\(server.port)"))?.code == .unauthenticated)
      }
      server.script.present(try web.server(hosts: ["localhost"], to: -60))
      #expect(
        try await failure(client([web]), relationship("https://localhost:\(server.port)"))?.code
          == .unauthenticated)
    }
  }

  @Test func theRootsCanComeFromAFile() async throws {
    let folder = NSTemporaryDirectory() + "roots-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let pem = "-----BEGIN CERTIFICATE-----\n\(Data(web.der).base64EncodedString())\n-----END CERTIFICATE-----\n"
    try pem.write(toFile: folder + "/root.pem", atomically: true, encoding: .utf8)
    try "nothing".write(toFile: folder + "/README", atomically: true, encoding: .utf8)
    let page = try document()
    try await TestWebServer.with(try web.server(hosts: ["localhost"]), answer: { _ in .bundle(page) }) { server in
      for environment in [["SSL_CERT_FILE": folder + "/root.pem"], ["SSL_CERT_DIR": "/nonexistent:" + folder]] {
        let client = HTTPSBundleEndpoint(
          roots: .system(environment: environment), time: SystemTime(), logger: LogCapture().logger)
        _ = try await client.fetch(relationship("https://localhost:\(server.port)"), authorities: nil)
      }
      let broken = HTTPSBundleEndpoint(
        roots: .system(environment: ["SSL_CERT_FILE": folder + "/none.pem"]), time: SystemTime(),
        logger: LogCapture().logger)
      #expect(try await failure(broken, relationship("https://localhost:\(server.port)"))?.code == .unauthenticated)
    }
  }

  // MARK: https_spiffe

  @Test func spiffeEndpointsProveTheirID() async throws {
    let page = try document()
    let wanted = try relationship("https://127.0.0.1:1", id: Self.id)
    let good = try partner.server(id: Self.id)
    try await TestWebServer.with(good, answer: { _ in .bundle(page) }) { server in
      var wanted = wanted
      wanted.bundleEndpointURL = "https://localhost:\(server.port)"
      #expect(try await client().fetch(wanted, authorities: partner.bundle()) == partner.bundle(refreshHint: 300))

      let bad: [TestPKI.ServerCertificate] = [
        try partner.server(id: "spiffe://partner.test/other"), try partner.server(id: Self.id, to: -60),
        try partner.server(id: Self.id, from: 600), try web.server(id: Self.id),
        try partner.server(hosts: ["localhost"]), try partner.server(id: "spiffe://web.test/spire/server"),
      ]
      for certificate in bad {
        server.script.present(certificate)
        let found = try await failure(client(), wanted, partner.bundle())
        #expect(found?.code == .unauthenticated, "\(String(describing: found))")
      }
      server.script.present(bad[0])
      let text = try await failure(client(), wanted, partner.bundle())?.text
      #expect(text?.hasSuffix("unexpected ID \"spiffe://partner.test/other\"") == true)
      #expect(server.script.requests.count == 1, "nobody is asked before it has proved who it is")
    }
  }

  @Test func aKeyRotationOfTheEndpointNeedsOnlyTheBundle() async throws {
    let next = try TestPKI("partner.test")
    let page = try document()
    try await TestWebServer.with(try partner.server(id: Self.id), answer: { _ in .bundle(page) }) { server in
      let wanted = try relationship("https://localhost:\(server.port)", id: Self.id)
      _ = try await client().fetch(wanted, authorities: partner.bundle())
      server.script.present(try next.server(id: Self.id))
      #expect(try await failure(client(), wanted, partner.bundle())?.code == .unauthenticated)
      var both = partner.bundle()
      both.x509Authorities.append(X509Authority(der: next.der))
      _ = try await client().fetch(wanted, authorities: both)
    }
  }

  @Test func withoutTheBundleThereIsNothingToCheckWith() async throws {
    let wanted = try relationship("https://localhost:1", id: Self.id)
    for bundle in [nil, web.bundle()] {
      #expect(
        try await failure(client(), wanted, bundle)?.text
          == "can't perform SPIFFE Authentication: local copy of bundle not found")
    }
  }

  // MARK: Answers

  @Test func redirectionsAreHeldToTheSameRules() async throws {
    let page = try document()
    try await TestWebServer.with(try web.server(hosts: ["localhost"]), answer: { _ in .hangUp }) { server in
      let port = server.port
      server.script.say { uri in
        switch uri {
        case "/": .redirection("/next")
        case "/next": .redirection("https://localhost:\(port)/last")
        case "/last": .bundle(page)
        case "/plain": .redirection("http://localhost:\(port)/last")
        case "/user": .redirection("https://a:b@localhost:\(port)/last")
        case "/nowhere": .redirection("https:///last")
        case "/file": .redirection("file:///etc/passwd")
        case "/unreadable": .redirection("https://localhost:port/last")
        case "/elsewhere": .redirection("https://127.0.0.1:\(port)/last")
        default:
          if let count = Int(uri.dropFirst()), count > 0 { .redirection("/\(count - 1)") } else { .bundle(page) }
        }
      }
      let client = try client([web])
      for path in ["", "/5"] {
        _ = try await client.fetch(relationship("https://localhost:\(port)\(path)"), authorities: nil)
      }
      let rows = [
        ("plain", "refused: it must use the https scheme"), ("user", "refused: it must not contain user info"),
        ("nowhere", "refused: it must specify the host"), ("file", "refused: it must use the https scheme"),
        ("unreadable", "refused: it cannot be parsed: invalid port \":port\" after host"),
        ("6", "stopped after 5 redirects"),
      ]
      for (path, words) in rows {
        let found = try await failure(client, relationship("https://localhost:\(port)/\(path)"))
        #expect(found?.code == .redirected)
        #expect(found?.text.hasSuffix(words) == true, "\(path): \(found?.text ?? "")")
      }
      let elsewhere = try await failure(client, relationship("https://localhost:\(port)/elsewhere"))
      #expect(elsewhere?.code == .unauthenticated)
      // Whatever a redirection said, the next fetch begins at the configured URL.
      let before = server.script.requests.count
      _ = try await client.fetch(relationship("https://localhost:\(port)"), authorities: nil)
      #expect(server.script.requests.dropFirst(before).map(\.uri) == ["/", "/next", "/last"])
    }
  }

  @Test func redirectionsOfSPIFFEEndpointsAreHeldToTheSameRules() async throws {
    let page = try document()
    let partner = partner
    try await TestWebServer.with(try partner.server(id: Self.id), answer: { _ in .bundle(page) }) { other in
      let target = other.port
      let location = "https://localhost:\(target)/moved"
      try await TestWebServer.with(try partner.server(id: Self.id), answer: { _ in .redirection(location) }) { server in
        let wanted = try relationship("https://localhost:\(server.port)", id: Self.id)
        _ = try await client().fetch(wanted, authorities: partner.bundle())
        other.script.present(try partner.server(id: "spiffe://partner.test/other"))
        #expect(try await failure(client(), wanted, partner.bundle())?.code == .unauthenticated)
      }
    }
  }

  @Test func whatIsNoBundleIsRefused() async throws {
    let other = try BundleDocument.encode(try TestPKI("web.test", id: "spiffe://web.test").bundle())
    try await TestWebServer.with(try web.server(hosts: ["localhost"]), answer: { _ in .hangUp }) { server in
      let client = try client([web])
      let wanted = try relationship("https://localhost:\(server.port)")
      let get = "failed to fetch bundle: Get \"https://localhost:\(server.port)\": "
      let rows: [(TestWebServer.Answer, FederationError.Code, String)] = [
        (
          .page(404, [], Array("404 page not found".utf8)), .malformed,
          "unexpected status 404 fetching bundle: 404 page not found"
        ),
        (.page(302, [], []), .malformed, "unexpected status 302 fetching bundle: "),
        (.page(200, [], Array("[]".utf8)), .malformed, "bundle document is not a JSON object"),
        (.page(200, [], []), .malformed, "failed to decode bundle: "), (.bundle("no"), .malformed, "failed to decode "),
        (.bundle("{}"), .malformed, "no authorities found"),
        (.bundle(#"{"keys":[{"use":"jwt-svid","kty":"EC"}]}"#), .malformed, "unsupported elliptic curve ''"),
        (
          .bundle(other), .otherTrustDomain,
          "the document is not a bundle of \"partner.test\": it holds an authority of \"web.test\""
        ),
        (.hangUp, .unreachable, get), (.endless, .tooLarge, get + "the answer is larger than "),
        (.page(200, [], [UInt8](repeating: 32, count: BundleDocument.maximumSize + 1)), .tooLarge, get),
      ]
      for (answer, code, text) in rows {
        server.script.say { _ in answer }
        let found = await failure(client, wanted)
        #expect(found?.code == code && found?.text.hasPrefix(text) == true, "\(String(describing: found))")
      }
    }
  }

  @Test func authoritiesWithAnIDOfTheirTrustDomainAreTaken() async throws {
    let named = try TestPKI("partner.test", id: "spiffe://partner.test")
    let key = try #require(JSONValue(parsing: try document())["keys"]?.array?.first)
    let page = try BundleDocument.encode(named.bundle(sequence: 7))
    // A use that is not known yet does not cost the others (Bundle §4.2.2).
    var entries = try #require(JSONValue(parsing: page)["keys"]?.array)
    entries.append(.object(["use": "new-svid", "kty": key["kty"] ?? .null]))
    let text = JSONValue.object(["keys": .array(entries), "spiffe_sequence": 7]).text()
    try await TestWebServer.with(try web.server(hosts: ["localhost"]), answer: { _ in .bundle(text) }) { server in
      let log = LogCapture()
      let fetched = try await client([web], log: log).fetch(
        relationship("https://localhost:\(server.port)"), authorities: nil)
      #expect(fetched == named.bundle(sequence: 7))
      #expect(
        log.first("Bundle document has entries that are not used")?.fields["entries"]
          == "key entry 1: use \"new-svid\" is not known")
    }
  }

  @Test func nobodyWaitsForEver() async throws {
    try await TestWebServer.with(try web.server(hosts: ["localhost"]), answer: { _ in .silence }) { server in
      // A body that never ends is no better than none.
      for answer in [TestWebServer.Answer.silence, .trickle] {
        server.script.say { _ in answer }
        let found = try await failure(
          client([web], deadline: .milliseconds(300)), relationship("https://localhost:\(server.port)"))
        #expect(found?.code == .timeout)
        #expect(found?.text.hasSuffix(": context deadline exceeded") == true)
      }
    }
    let gone = try await failure(client(), relationship("https://127.0.0.1:1"))
    #expect(
      gone?.text
        == "failed to fetch bundle: Get \"https://127.0.0.1:1\": dial tcp 127.0.0.1:1: connect: connection refused")
    let unknown = try await failure(client(), relationship("https://name.invalid/x"))
    #expect(unknown?.code == .unreachable)
    #expect(unknown?.text.hasPrefix("failed to fetch bundle: Get \"https://name.invalid/x\": ") == true)
  }
}
