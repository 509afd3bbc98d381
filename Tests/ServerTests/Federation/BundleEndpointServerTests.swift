import Authority
import Crypto
import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import HTTP
import HTTPTesting
import NIOSSL
import RPC
import SPIFFE
import TLS
import Testing
import WebCertificates

@testable import Server

/// Our own bundle endpoint before our client and openssl (server-behaviour §9.1).
@Suite(.timeLimit(.minutes(4))) struct BundleEndpointServerTests {
  /// Runs `body` while an endpoint serves the bundle of a server.
  private func serving(
    _ profile: BundleEndpointSettings.Profile = .httpsSPIFFE, hint: Int64 = 300, policy: TLSPolicy = TLSPolicy(),
    _ body: @escaping @Sendable (TestServer, Int) async throws -> Void
  ) async throws {
    try await TestServer.with { server in
      let endpoint = try BundleEndpointServer(
        BundleEndpointSettings(address: "127.0.0.1", port: 0, refreshHint: hint, profile: profile),
        trustDomain: server.parts.trustDomain, bundles: server.parts.bundles, svid: server.parts.serverSVID,
        policy: policy, time: server.time, logger: LogCapture().logger)
      try await withThrowingTaskGroup { group in
        group.addTask { try await endpoint.run() }
        let port = await endpoint.boundPort
        try await body(server, try #require(port))
        group.cancelAll()
        while await group.nextResult() != nil {}
      }
    }
  }

  private func fetch(
    _ server: TestServer, _ port: Int, _ profile: BundleEndpointProfile, path: String = "/", roots: WebRoots? = nil
  ) async throws -> SPIFFE.Bundle {
    let bundle = try await server.parts.datastore.fetchBundle(of: server.parts.trustDomain)
    let client = HTTPSBundleEndpoint(
      roots: roots ?? .system(environment: [:]), time: server.time, logger: LogCapture().logger)
    return try await client.fetch(
      FederationRelationship(
        trustDomain: server.parts.trustDomain, bundleEndpointURL: "https://localhost:\(port)\(path)", profile: profile),
      authorities: bundle)
  }

  @Test func theServersSVIDProvesIt() async throws {
    try await serving { server, port in
      let domain = server.parts.trustDomain
      let id = try SPIFFEID(trustDomain: domain, path: "/spire/server")
      let fetched = try await fetch(server, port, .httpsSPIFFE(endpointID: id))
      let stored = try #require(try await server.parts.datastore.fetchBundle(of: domain))
      #expect(fetched.x509Authorities == stored.x509Authorities)
      #expect(fetched.jwtAuthorities.map(\.keyID) == stored.jwtAuthorities.map(\.keyID))
      #expect(fetched.refreshHint == 300)
      for path in ["/other", "/?a=b/../x"] {
        do {
          _ = try await fetch(server, port, .httpsSPIFFE(endpointID: id), path: path)
          #expect(path.hasPrefix("/?"))
        } catch let error as FederationError {
          #expect(error.message == "unexpected status 404 fetching bundle: 404 page not found\n")
        }
      }
      do {
        _ = try await fetch(server, port, .httpsWeb)
        Issue.record("an SVID is no certificate of the web")
      } catch let error as FederationError { #expect(error.code == .unauthenticated) }
    }
  }

  @Test func postQuantumKeyExchangeCanBeRequired() async throws {
    for strict in [false, true] {
      try await serving(policy: TLSPolicy(requirePostQuantumKeyExchange: strict)) { _, port in
        let hybrid = try await TLSProbe.handshake(port: port, curves: [.x25519_MLKEM768])
        let classic = try await TLSProbe.handshake(port: port, curves: [.x25519, .secp256r1])
        let old = try await TLSProbe.handshake(port: port, curves: [.x25519, .secp256r1], maximum: .tlsv12)
        #expect(hybrid && classic == !strict && old == !strict)
      }
    }
  }

  @Test func thePageSaysNoInThisOrder() async throws {
    try await TestServer.with { server in
      let page = BundlePage(
        trustDomain: server.parts.trustDomain, bundles: server.parts.bundles, refreshHint: 0,
        logger: LogCapture().logger)
      func status(_ method: String, _ path: String) async -> (Int, String) {
        let answer = await page.answer(HTTPListener.Request(method: method, path: path))
        return (answer.status, answer.body)
      }
      #expect(await status("POST", "/x") == (405, "405 method not allowed\n"))
      #expect(await status("HEAD", "/") == (405, "405 method not allowed\n"))
      #expect(await status("GET", "/x") == (404, "404 page not found\n"))
      let (code, body) = await status("GET", "/")
      #expect(code == 200 && !body.contains("spiffe_refresh_hint"))
      // A changed bundle is on the page at once.
      _ = try await server.datastore.appendBundle(
        SPIFFE.Bundle(
          trustDomain: server.parts.trustDomain,
          jwtAuthorities: [
            JWTAuthority(publicKey: Array(P256.Signing.PrivateKey().publicKey.derRepresentation), keyID: "changed")
          ]))
      #expect(await status("GET", "/").1.contains("\"kid\": \"changed\""))
      #expect(await status("GET", "/").1.contains("\"kid\": \"changed\""))
      let stranger = BundlePage(
        trustDomain: try TrustDomain("stranger.test"), bundles: server.parts.bundles, refreshHint: 0,
        logger: LogCapture().logger)
      let none = await stranger.answer(HTTPListener.Request(method: "GET", path: "/"))
      #expect(none.status == 500 && none.body == "500 unable to retrieve local bundle\n")
    }
  }

  @Test func certificatesOfTheWebAreReadAgain() async throws {
    let folder = NSTemporaryDirectory() + "serving-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (first, second) = (try TestPKI("first.test"), try TestPKI("second.test"))
    func write(_ pki: TestPKI) throws {
      let made = try pki.server(hosts: ["localhost"])
      try PEM.encode(made.certificate, type: "CERTIFICATE")
        .write(toFile: folder + "/c.pem", atomically: true, encoding: .utf8)
      try PEM.encode(made.key, type: "PRIVATE KEY").write(toFile: folder + "/k.pem", atomically: true, encoding: .utf8)
    }
    func load() throws -> CertificateFiles {
      try CertificateFiles(
        of: "bundle endpoint", certificateFile: folder + "/c.pem", keyFile: folder + "/k.pem", interval: .seconds(60),
        time: SystemTime(),
        logger: LogCapture().logger)
    }
    #expect(throws: CertificateFiles.Unusable.self) { try load() }
    try write(first)
    let files = try load()
    let before = files.current.chain
    try "no".write(toFile: folder + "/c.pem", atomically: true, encoding: .utf8)
    files.reload()
    #expect(files.current.chain == before, "the last good one stays")
    try write(second)
    files.reload()
    #expect(files.current.chain != before)
    let key = try second.server(hosts: ["x"]).key
    try PEM.encode(key, type: "PRIVATE KEY").write(toFile: folder + "/k.pem", atomically: true, encoding: .utf8)
    let served = files.current.chain
    files.reload()
    #expect(files.current.chain == served, "a key of another certificate is not taken")

    try write(second)
    let roots = WebRoots.only([try second.root])
    let strangers = WebRoots.only([try first.root])
    let profile = BundleEndpointSettings.Profile.httpsWeb(
      certificateFile: folder + "/c.pem", keyFile: folder + "/k.pem", interval: .seconds(60))
    try await serving(profile) { server, port in
      let fetched = try await fetch(server, port, .httpsWeb, roots: roots)
      #expect(!fetched.x509Authorities.isEmpty)
      do {
        _ = try await fetch(server, port, .httpsWeb, roots: strangers)
        Issue.record("another authority's")
      } catch let error as FederationError { #expect(error.code == .unauthenticated) }
    }
  }
}
