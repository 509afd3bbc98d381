import Daemon
import Foundation
import GRPCCore
import Logging
import SPIFFE
import SPIREProtos
import ServiceLifecycle
import Synchronization
import TLS
import Testing

@testable import RPC

@Suite struct TLSEndpointTests {
  let pki: TestPKI
  let identity: TestIdentity
  let callers = Callers()

  final class Callers: Sendable {
    private let list = Mutex<[String]>([])
    var all: [String] { list.withLock { $0 } }
    func add(_ caller: Caller?) {
      let text =
        switch caller {
        case .x509(let svid, let address): "\(svid.id) \(address.ip) \(svid.chain.count)"
        case .anonymous(let address): "anonymous \(address.ip)"
        default: "?"
        }
      list.withLock { $0.append(text) }
    }
  }

  init() throws {
    pki = try TestPKI("example.org")
    identity = try TestIdentity(pki)
  }

  func withServer(
    handshakes: Int = 64, _ body: @Sendable (_ port: Int, GRPCEndpoint) async throws -> Void
  ) async throws {
    var options = GRPCEndpoint.Options()
    options.maximumHandshakes = handshakes
    options.tls = (identity, TLSPolicy())
    let callers = self.callers
    let service = TestService(onCheck: { _, context in callers.add(context.peer?.caller) })
    let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
    let port = socket.port ?? 0
    try await withEndpoint(
      socket, services: [service], interceptors: [testInterceptor(testPolicies(.any))], options: options
    ) { endpoint, _ in try await body(port, endpoint) }
  }

  func client(
    _ credential: TLSCredential? = nil, bundle: Bundle? = nil,
    expecting id: String = "spiffe://example.org/spire/server"
  ) throws -> ClientTLS {
    let bundle = bundle ?? pki.bundle
    return ClientTLS(server: .spiffe(id: try SPIFFEID(id), bundle: { bundle }), credential: { credential })
  }

  @discardableResult
  func call(_ port: Int, _ tls: ClientTLS) async -> RPCError? {
    do {
      try await withTLSClient(host: "127.0.0.1", port: port, tls: tls) { client in
        _ = try await health(client).check(.init(), options: .within(.seconds(10)))
      }
      return nil
    } catch {
      return error as? RPCError ?? RPCError(code: .unknown, message: "\(error)")
    }
  }

  @Test func withoutACertificateTheCallerIsAnonymous() async throws {
    try await withServer { port, endpoint in
      let error = try await call(port, client())
      #expect(error == nil)
      await eventually { endpoint.connectionCount == 0 }
    }
    #expect(callers.all == ["anonymous 127.0.0.1"])
    #expect(identity.verifications == 0)
  }

  @Test func oneHandshakeAtATimeServesEverybody() async throws {
    let credential = try pki.svid("/spire/agent/1")
    let clients = [try client(credential), try client()]
    try await withServer(handshakes: 1) { port, endpoint in
      await withTaskGroup(of: RPCError?.self) { group in
        for number in 0..<24 {
          let tls = clients[number % 2]
          group.addTask { await call(port, tls) }
        }
        for await error in group { #expect(error == nil) }
      }
      await eventually { endpoint.connectionCount == 0 }
    }
    #expect(callers.all.count == 24)
  }

  @Test func aVerifiedSVIDIsTheCaller() async throws {
    let credential = try pki.svid("/spire/agent/1")
    try await withServer { port, _ in
      let error = try await call(port, client(credential))
      #expect(error == nil)
    }
    #expect(callers.all == ["spiffe://example.org/spire/agent/1 127.0.0.1 2"])
  }

  @Test(arguments: ["unknown authority", "other trust domain", "expired", "malformed id"])
  func badClientCertificatesEndTheHandshake(_ kind: String) async throws {
    let credential: TLSCredential
    switch kind {
    case "unknown authority": credential = try TestPKI("example.org").svid("/spire/agent/1")
    case "other trust domain":
      let other = try TestPKI("other.org")
      identity.rotate(try pki.svid("/spire/server"), bundles: [pki.bundle, other.bundle])
      credential = try other.svid("/x")
    case "expired": credential = try pki.svid("/spire/agent/1", expires: -60)
    default: credential = try pki.svid("", uri: "spiffe://example.org//x")
    }
    try await withServer { port, endpoint in
      let error = try await call(port, client(credential))
      #expect(error?.code == .unavailable)
      #expect(error?.connectError?.code == .handshake, "\(error.map { "\($0)" } ?? "none")")
      await eventually { endpoint.connectionCount == 0 }
    }
    #expect(callers.all == [])
    #expect(identity.verifications == 1)
  }

  @Test func clientsRefuseOtherServers() async throws {
    let stranger = try TestPKI("example.org")
    let other = try TestPKI("other.org")
    try await withServer { port, _ in
      let unknown = try await call(port, client(bundle: stranger.bundle))
      #expect(unknown?.connectError?.code == .unknownAuthority)
      #expect(unknown?.message.contains("x509: certificate signed by unknown authority") == true)
      #expect(
        unknown?.message.hasPrefix("connection error: desc = \"transport: authentication handshake failed: ") == true)
      let wrong = try await call(port, client(expecting: "spiffe://example.org/web"))
      #expect(wrong?.connectError?.code == .unexpectedID)
      #expect(wrong?.message.contains("unexpected ID \"spiffe://example.org/spire/server\"") == true)
      let foreign = try await call(port, client(bundle: other.bundle, expecting: "spiffe://other.org/spire/server"))
      #expect(foreign?.connectError?.code == .unexpectedID)
    }
    #expect(callers.all == [])
  }

  @Test func theInsecureBootstrapLooksAtTheNameOnly() async throws {
    try await withServer { port, _ in
      #expect(
        try await call(port, ClientTLS(server: .insecure(id: SPIFFEID("spiffe://example.org/spire/server")))) == nil)
      let wrong = try await call(port, ClientTLS(server: .insecure(id: SPIFFEID("spiffe://other.org/spire/server"))))
      #expect(wrong?.connectError?.code == .unexpectedID)
    }
  }

  @Test func rotationsHoldFromTheNextConnectionOn() async throws {
    let next = try TestPKI("example.org")
    let bundles = Mutex([pki.bundle])
    let credential = Mutex(try pki.svid("/spire/agent/1"))
    let tls = ClientTLS(
      server: .spiffe(id: try SPIFFEID("spiffe://example.org/spire/server"), bundle: { bundles.withLock { $0[0] } }),
      credential: { credential.withLock { $0 } })
    try await withServer { port, _ in
      let transport = ReconnectingTransport.tls(host: "127.0.0.1", port: port, tls: tls)
      try await withGRPCClient(transport: transport) { client in
        _ = try await health(client).check(.init(), options: .within(.seconds(10)))
        identity.rotate(try next.svid("/spire/server"), bundles: [next.bundle])
        // The open connection goes on; a new one needs the new bundle and SVID.
        _ = try await health(client).check(.init(), options: .within(.seconds(10)))
        transport.reset()
        let error = await #expect(throws: RPCError.self) {
          try await health(client).check(.init(), options: .within(.seconds(10)))
        }
        #expect(error?.connectError?.code == .unknownAuthority)
        bundles.withLock { $0 = [next.bundle] }
        credential.withLock { $0 = (try? next.svid("/spire/agent/2")) ?? $0 }
        _ = try await health(client).check(.init(), options: .within(.seconds(10)))
      }
    }
    #expect(
      callers.all.map { $0.split(separator: " ")[0] } == [
        "spiffe://example.org/spire/agent/1", "spiffe://example.org/spire/agent/1",
        "spiffe://example.org/spire/agent/2",
      ])
  }

  @Test(.enabled(if: Tool.has("openssl"))) func noSessionIsEverResumed() async throws {
    let folder = try SocketFolder()
    try await withServer { port, _ in
      for version in ["-tls1_2", "-tls1_3"] {
        let connect = "openssl s_client -connect 127.0.0.1:\(port) -alpn h2 \(version)"
        // Reading the server's SETTINGS makes sure that its tickets have come.
        let session = "\(folder.path)/session\(version)"
        let preface =
          #"printf 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\000\000\000\004\000\000\000\000\000'; cat \#(folder.path)/wait"#
        _ = try await Tool.runAside([
          "sh", "-c",
          "mkfifo \(folder.path)/wait; { \(preface); } | \(connect) -sess_out \(session) -msg 2>&1 "
            + "| { grep -m1 -q 'NewSessionTicket'; echo > \(folder.path)/wait; cat > /dev/null; }; rm \(folder.path)/wait",
        ])
        let again = try await Tool.runAside([
          "sh", "-c",
          "test -s \(session) && \(connect) -sess_in \(session) </dev/null 2>&1 | grep -aE '^(New|Reused),'",
        ])
        #expect(again.output.hasPrefix("New, TLSv1."), "\(version): \(again.output)")
      }
    }
  }

  @Test(.enabled(if: Tool.has("openssl"))) func theHandshakeIsModernAndNamesNoAuthorities() async throws {
    try await withServer { port, _ in
      func connect(_ options: String) async throws -> String {
        try await Tool.runAside(["sh", "-c", "openssl s_client -connect 127.0.0.1:\(port) \(options) </dev/null 2>&1"])
          .output
      }
      let modern = try await connect("-alpn h2")
      #expect(modern.contains("ALPN protocol: h2") && modern.contains("TLSv1.3"))
      #expect(modern.contains("No client certificate CA names sent"))
      #expect(try await connect("-alpn h2 -tls1_2").contains("TLSv1.2"))
      #expect(try await !connect("-alpn h2 -tls1_1 -cipher ALL:@SECLEVEL=0").contains("Cipher is ECDHE"))
    }
  }

  @Test func aKeyThatStaysInItsManagerCanSign() async throws {
    struct Signer: TLSSigner {
      let key: TestKey
      var algorithms: [TLSSignatureAlgorithm] { [.ecdsaP256SHA256] }
      func sign(_ message: [UInt8], algorithm: TLSSignatureAlgorithm) async throws -> [UInt8] {
        #expect(algorithm == .ecdsaP256SHA256)
        return try key.sign(message)
      }
    }
    let credential = try pki.svid("/spire/agent/9")
    guard case .der(let bytes) = credential.key else { return }
    let held = TLSCredential(chain: credential.chain, key: .signer(Signer(key: try TestKey(der: bytes))))
    try await withServer { port, _ in
      let error = try await call(port, client(held))
      #expect(error == nil)
    }
    #expect(callers.all == ["spiffe://example.org/spire/agent/9 127.0.0.1 2"])
  }

  @Test func postQuantumKeyExchangeCanBeRequired() async throws {
    var options = GRPCEndpoint.Options()
    options.tls = (identity, TLSPolicy(requirePostQuantumKeyExchange: true))
    let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
    let port = socket.port ?? 0
    try await withEndpoint(
      socket, services: [TestService()], interceptors: [testInterceptor(testPolicies(.any))], options: options
    ) { _, _ in
      let error = try await call(port, client())
      #expect(error == nil)
      let classic = try await Tool.runAside([
        "sh", "-c", "openssl s_client -connect 127.0.0.1:\(port) -alpn h2 -groups X25519 </dev/null 2>&1",
      ])
      #expect(classic.output.contains("handshake failure"), "\(classic.output)")
    }
  }
}
