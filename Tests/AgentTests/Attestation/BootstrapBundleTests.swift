import CommandTesting
import Crypto
import Foundation
import GRPCCore
import HTTP
import HTTPTesting
import NIOHTTP1
import NIOSSL
import RPC
import SPIFFE
import SwiftASN1
import SwiftProtobuf
import Testing
import WorkloadClient
import WorkloadProtos
import X509

@testable import Agent

/// Where the first bundle comes from: a file, a URL, a socket, another Workload API (agent-behaviour §2).
@Suite(.timeLimit(.minutes(4))) struct BootstrapBundleTests {
  private let ca = try! TestCA(now: Date())
  private static let attempt = BootstrapBundle.Attempt(
    isRebootstrap: false, count: 3, start: "2026-11-21T20:10:45Z")

  private var pem: String { PEM.encode(ca.der, type: "CERTIFICATE") }

  private func bundle(
    _ source: BootstrapSource, roots: [NIOSSLCertificate] = [], deadline: Duration = .seconds(20)
  ) -> BootstrapBundle {
    BootstrapBundle(
      source, server: ServerAddress(host: "server.test", port: 8081, trustDomain: ca.trustDomain),
      roots: roots.isEmpty ? .system(environment: [:]) : .only(roots), deadline: deadline)
  }

  /// The text of what an attempt fails with.
  private func failure(
    _ source: BootstrapSource, roots: [NIOSSLCertificate] = [], deadline: Duration = .seconds(20)
  ) async -> String? {
    do {
      _ = try await bundle(source, roots: roots, deadline: deadline).authorities(Self.attempt)
      return nil
    } catch let error as AgentError {
      #expect(error.code == .trustBundle)
      return error.message
    } catch {
      Issue.record("\(error)")
      return nil
    }
  }

  @Test func insecureHasNone() async throws {
    #expect(try await bundle(.insecure).authorities(Self.attempt) == nil)
  }

  @Test func filesAreReadAtEachAttempt() async throws {
    try await withFolder { folder in
      let path = folder + "/bundle.pem"
      let file = URL(fileURLWithPath: path)
      #expect(await failure(.file(path: path, format: .pem))?.contains("no such file or directory") == true)
      try Data("nothing\n".utf8).write(to: file)
      #expect(
        await failure(.file(path: path, format: .pem))?.hasPrefix("no certificates found in trust bundle") == true)
      try Data(pem.utf8).write(to: file)
      #expect(try await bundle(.file(path: path, format: .pem)).authorities(Self.attempt) == [ca.der])
      try Data("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8).write(to: file)
      #expect(await failure(.file(path: path, format: .pem))?.hasPrefix("could not parse trust bundle: ") == true)
      #expect(
        await failure(.file(path: path, format: .spiffe))?.hasPrefix("unable to parse SPIFFE trust bundle: ") == true)
      try Data(try BundleDocument.encode(ca.bundle()).utf8).write(to: file)
      #expect(try await bundle(.file(path: path, format: .spiffe)).authorities(Self.attempt) == [ca.der])
    }
  }

  // MARK: From the web

  /// A certificate of a web server, which is its own authority.
  private func web(_ host: String) throws -> (shown: TestWebServer.Certificate, root: NIOSSLCertificate) {
    let key = P256.Signing.PrivateKey()
    let name = try DistinguishedName { CommonName(host) }
    let certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: Date() - 60,
      notValidAfter: Date() + 3600, issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try .init {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
        SubjectAlternativeNames([.dnsName(host)])
      }, issuerPrivateKey: .init(key))
    let der = try X509Certificates.der(of: certificate)
    return (
      .init(certificate: der, key: Array(key.derRepresentation)), try NIOSSLCertificate(bytes: der, format: .der)
    )
  }

  private func source(
    _ server: TestWebServer, _ path: String = "", _ format: BootstrapSource.Format = .pem, user: String = ""
  ) throws -> BootstrapSource {
    .web(try WebURL("https://\(user)localhost:\(server.port)\(path)", allowsUser: true), format: format)
  }

  @Test func aURLIsFetchedFromAServerThatProvesItsName() async throws {
    let (shown, root) = try web("localhost")
    let (other, _) = try web("localhost")
    let pem = pem
    let document = try BundleDocument.encode(ca.bundle())
    try await TestWebServer.with(shown, answer: { $0 == "/spiffe" ? .bundle(document) : .bundle(pem) }) { server in
      #expect(try await bundle(source(server, "/b?x=y"), roots: [root]).authorities(Self.attempt) == [ca.der])
      let head = try #require(server.script.requests.first)
      #expect(head.uri == "/b?x=y" && head.method == .GET && head.headers["Authorization"] == [])
      #expect(
        try await bundle(source(server, "/spiffe", .spiffe), roots: [root]).authorities(Self.attempt) == [ca.der])
      // A name and a password in the URL are presented, and not printed.
      server.script.say { _ in .page(403, [], []) }
      #expect(
        try await failure(source(server, user: "a:b@"), roots: [root])
          == "error downloading trust bundle: 403 Forbidden")
      #expect(server.script.requests.last?.headers["Authorization"] == ["Basic YTpi"])

      let count = server.script.requests.count
      let prefix = "unable to fetch trust bundle URL https://localhost:\(server.port): Get \"https://localhost:"
      #expect(try await failure(source(server, user: "a:b@"))?.hasPrefix(prefix) == true)
      server.script.present(other)
      #expect(try await failure(source(server), roots: [root])?.contains("tls: failed to verify") == true)
      #expect(server.script.requests.count == count, "nobody is asked before it has proved who it is")
    }
  }

  @Test func redirectionsAndBounds() async throws {
    let (shown, root) = try web("localhost")
    let pem = pem
    try await TestWebServer.with(shown, answer: { _ in .bundle(pem) }) { server in
      server.script.say { $0 == "/b" ? .bundle(pem) : .redirection("/b") }
      #expect(try await bundle(source(server, "/a"), roots: [root]).authorities(Self.attempt) == [ca.der])
      server.script.say { _ in .redirection("/again") }
      let endless = try await failure(source(server), roots: [root])
      #expect(endless?.hasSuffix("stopped after 10 redirects") == true)
      server.script.say { _ in .redirection("http://localhost/b") }
      let plain = try await failure(source(server), roots: [root])
      #expect(plain?.hasSuffix("refused: it must use the https scheme") == true)
      server.script.say { _ in .endless }
      let large = try await failure(source(server), roots: [root])
      #expect(large?.hasSuffix("the answer is larger than 4194304 bytes") == true)
      server.script.say { _ in .silence }
      let late = try await failure(source(server), roots: [root], deadline: .milliseconds(100))
      #expect(late?.hasSuffix("context deadline exceeded") == true)
      server.script.say { _ in .hangUp }
      #expect(try await failure(source(server), roots: [root])?.hasSuffix("EOF") == true)
      server.script.say { _ in .bundle("<html>") }
      #expect(
        try await failure(source(server), roots: [root])
          == "no certificates found in trust bundle (https://localhost:\(server.port))")
    }
  }

  // MARK: Through a socket

  @Test func theServerBehindASocketIsToldAboutTheAttempt() async throws {
    let pem = pem
    try await withFolder { folder in
      let path = folder + "/bundle.sock"
      let source = BootstrapSource.unixSocket(
        path: path, try WebURL("http://any.test/trust?z=1&a=b+c", scheme: .http), format: .pem)
      let absent = await failure(source)
      #expect(absent?.hasSuffix("dial unix \(path): connect: no such file or directory") == true)
      try await TestWebServer.with(nil, socket: path, answer: { _ in .bundle(pem) }) { server in
        #expect(try await bundle(source).authorities(Self.attempt) == [ca.der])
        let head = try #require(server.script.requests.first)
        #expect(
          head.uri == "/trust?a=b+c&spiffe-trust-domain=example.org&spire-attest-mode=bootstrap"
            + "&spire-attest-start-time=2026-11-21T20%3A10%3A45Z&spire-connection-attempts=3"
            + "&spire-server-address=server.test&spire-server-port=8081&z=1")
        #expect(head.headers["Host"] == ["any.test"])
        var again = Self.attempt
        again.isRebootstrap = true
        _ = try await bundle(source).authorities(again)
        #expect(server.script.requests.last?.uri.contains("spire-attest-mode=rebootstrap") == true)
        server.script.say { $0.hasPrefix("/b") ? .bundle(pem) : .redirection("http://other.test/b") }
        #expect(try await bundle(source).authorities(Self.attempt) == [ca.der])
        server.script.say { _ in .redirection("https://other.test/b") }
        #expect(await failure(source)?.hasSuffix("refused: it must use the http scheme") == true)
      }
    }
  }

  // MARK: From another Workload API

  private func workloadAPI(_ bundles: [String: [UInt8]]) -> [any FakeMethod] {
    [
      CommandTesting.Stream(
        WorkloadSpiffeWorkloadAPI.Method.FetchX509Bundles.descriptor, requires: ("workload.spiffe.io", "true")
      ) { (_: WorkloadX509BundlesRequest, writer: RPCWriter<WorkloadX509BundlesResponse>) in
        try await writer.write(.with { $0.bundles = bundles.mapValues { Data($0) } })
      }
    ]
  }

  @Test func anotherWorkloadAPIHasTheBundle() async throws {
    let second = try TestCA(now: Date())
    let good = ["spiffe://example.org": ca.der + second.der, "spiffe://other.test": second.der]
    try await withEndpoint(workloadAPI(good)) { path in
      let found = try await bundle(.workloadAPI(.unix(path: path))).authorities(Self.attempt)
      #expect(found == [ca.der, second.der])
    }
    try await withPlaintextEndpoint(workloadAPI(good)) { port in
      let found = try await bundle(.workloadAPI(.tcp(ip: "127.0.0.1", port: port))).authorities(Self.attempt)
      #expect(found == [ca.der, second.der])
    }
    let rows: [([String: [UInt8]], String)] = [
      (["spiffe://other.test": second.der], "it has no bundle of trust domain \"example.org\""),
      (["spiffe://example.org": []], "no certificates found"), (["spiffe://example.org": [1]], "could not parse"),
    ]
    for (bundles, text) in rows {
      try await withEndpoint(workloadAPI(bundles)) { path in
        let found = await failure(.workloadAPI(.unix(path: path)))
        #expect(found?.contains(text) == true, "\(found ?? "")")
      }
    }
    // A refusal of the Workload API is not one of the server: it does not end the attempts.
    let refusing = CommandTesting.Stream(WorkloadSpiffeWorkloadAPI.Method.FetchX509Bundles.descriptor) {
      (_: WorkloadX509BundlesRequest, _: RPCWriter<WorkloadX509BundlesResponse>) in
      throw RPCError(code: .permissionDenied, message: "no identity issued")
    }
    try await withEndpoint([refusing]) { path in
      #expect(await failure(.workloadAPI(.unix(path: path)))?.contains("no identity issued") == true)
    }
    let absent = await failure(.workloadAPI(.unix(path: "/nonexistent.sock")))
    #expect(absent?.hasPrefix("unable to fetch trust bundle from the SPIFFE Workload API: ") == true)
  }
}
