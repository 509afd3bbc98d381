import Foundation
import GRPCCore
import HTTP
import HTTPTesting
import NIOSSL
import SPIFFE
import SPIREProtos
import TLS
import Testing

@testable import RPC

/// `require_pq_kem`: which key exchanges are offered and taken, on the wire and against another TLS peer.
@Suite(.timeLimit(.minutes(4))) struct PostQuantumTests {
  /// X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem).
  private static let hybrid: UInt16 = 0x11EC
  private static let classic: [NIOTLSCurve] = [.x25519, .secp256r1, .secp384r1]
  private let pki: TestPKI
  private let identity: TestIdentity

  init() throws {
    pki = try TestPKI("example.org")
    identity = try TestIdentity(pki)
  }

  /// The clients of both programs, by name. None needs an answer.
  static let clients = ["gRPC", "web", "SPIFFE"]

  private func connect(_ client: String, port: Int, _ policy: TLSPolicy) async {
    let (bundle, deadline) = (pki.bundle, Duration.seconds(20))
    guard let id = try? SPIFFEID("spiffe://example.org/spire/server") else { return }
    let exchange = HTTPExchange(deadline: deadline, maximumBody: 100, accept: "*/*", tls: policy)
    guard let url = try? WebURL("https://localhost:\(port)") else { return }
    switch client {
    case "gRPC":
      let tls = ClientTLS(server: .spiffe(id: id, bundle: { bundle }), policy: policy)
      try? await withTLSClient(host: "127.0.0.1", port: port, tls: tls) { client in
        _ = try await health(client).check(.init(), options: .within(deadline))
      }
    case "web": _ = try? await exchange.get(url, over: .https(.web(.system(environment: [:]))))
    default:
      let trust = ServerTrust.spiffe(id: id, verifier: X509SVIDVerifier(bundle: bundle), now: { Date() })
      _ = try? await exchange.get(url, over: .https(trust))
    }
  }

  @Test(arguments: clients) func whatClientsOffer(_ client: String) async throws {
    let usual = try await ClientHello.first { port in await connect(client, port: port, TLSPolicy()) }
    #expect(usual.groups.first == Self.hybrid, "preferred")
    #expect(usual.groups.contains(0x001D), "and X25519 for all others")
    #expect(usual.versions == [0x0304, 0x0303])
    let strict = try await ClientHello.first { port in
      await connect(client, port: port, TLSPolicy(requirePostQuantumKeyExchange: true))
    }
    #expect(strict == ClientHello(groups: [Self.hybrid], versions: [0x0304]))
  }

  private func withServer(_ policy: TLSPolicy, _ body: @escaping @Sendable (Int) async throws -> Void) async throws {
    var options = GRPCEndpoint.Options()
    options.tls = (identity, policy)
    let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
    let port = socket.port ?? 0
    try await withEndpoint(
      socket, services: [TestService()], interceptors: [testInterceptor(testPolicies(.any))], options: options
    ) { _, _ in try await body(port) }
  }

  /// Whether a handshake comes about with a client that knows these key exchanges.
  private func expect(
    _ works: Bool, _ port: Int, _ curves: [NIOTLSCurve], maximum: TLSVersion? = nil
  ) async throws {
    let found = try await TLSProbe.handshake(port: port, curves: curves, maximum: maximum, protocols: ["h2"])
    #expect(found == works, "\(curves) \(String(describing: maximum))")
  }

  @Test func whatEndpointsTake() async throws {
    try await withServer(TLSPolicy()) { port in
      for curve in Self.classic + [.x25519_MLKEM768] { try await expect(true, port, [curve]) }
      try await expect(true, port, Self.classic, maximum: .tlsv12)
    }
    try await withServer(TLSPolicy(requirePostQuantumKeyExchange: true)) { port in
      try await expect(true, port, [.x25519_MLKEM768])
      // Also where it is not the client's first choice.
      try await expect(true, port, [.x25519, .x25519_MLKEM768])
      try await expect(false, port, Self.classic)
      // TLS 1.2 has no such key exchange.
      try await expect(false, port, Self.classic + [.x25519_MLKEM768], maximum: .tlsv12)
    }
  }

  @Test func bothSidesOfOurs() async throws {
    let (strict, usual) = (TLSPolicy(requirePostQuantumKeyExchange: true), TLSPolicy())
    let bundle = pki.bundle
    let id = try SPIFFEID("spiffe://example.org/spire/server")
    for (server, client) in [(strict, strict), (strict, usual), (usual, strict)] {
      try await withServer(server) { port in
        let tls = ClientTLS(server: .spiffe(id: id, bundle: { bundle }), policy: client)
        try await withTLSClient(host: "127.0.0.1", port: port, tls: tls) { client in
          _ = try await health(client).check(.init(), options: .within(.seconds(20)))
        }
      }
    }
  }

  /// A server that does not know the key exchange is refused by a client that requires it.
  @Test func serversWithoutIt() async throws {
    let credential = try pki.svid("/spire/server")
    guard case .der(let key) = credential.key else { return }
    let certificate = TestWebServer.Certificate(certificate: credential.chain[0], key: key)
    let id = try SPIFFEID("spiffe://example.org/spire/server")
    let trust = ServerTrust.spiffe(id: id, verifier: X509SVIDVerifier(bundle: pki.bundle), now: { Date() })
    for (curves, works) in [(Self.classic, false), ([NIOTLSCurve.x25519_MLKEM768], true)] {
      try await TestWebServer.with(certificate, curves: curves, answer: { _ in .bundle("{}") }) { server in
        for strict in [true, false] {
          let exchange = HTTPExchange(
            deadline: .seconds(20), maximumBody: 100, accept: "*/*",
            tls: TLSPolicy(requirePostQuantumKeyExchange: strict))
          let url = try WebURL("https://localhost:\(server.port)")
          let answer = try? await exchange.get(url, over: .https(trust))
          #expect((answer?.status == 200) == (works || !strict), "\(curves) \(strict)")
        }
      }
    }
  }
}
