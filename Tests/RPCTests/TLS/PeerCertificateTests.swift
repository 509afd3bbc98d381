import Foundation
import GRPCCore
import SPIFFE
import SPIREProtos
import Synchronization
import TLS
import Testing

@testable import RPC

/// Endpoints that let in nobody without a certificate, over TCP and Unix sockets.
@Suite struct PeerCertificateTests {
  let pki: TestPKI
  let identity: TestIdentity
  let folder: SocketFolder

  init() throws {
    pki = try TestPKI("example.org")
    identity = try TestIdentity(pki, requiresPeerCertificate: true)
    folder = try SocketFolder()
  }

  private func serve(
    _ socket: ListeningSocket, log: TestLog = TestLog(),
    onCheck: @escaping @Sendable (ServerContext) throws -> Void = { _ in },
    _ body: @Sendable (GRPCEndpoint) async throws -> Void
  ) async throws {
    var options = GRPCEndpoint.Options()
    options.tls = (identity, TLSPolicy())
    options.logger = log.logger
    let service = TestService(onCheck: { _, context in try onCheck(context) })
    try await withEndpoint(
      socket, services: [service], interceptors: [testInterceptor(testPolicies(.any))], options: options
    ) { endpoint, _ in try await body(endpoint) }
  }

  private func tls(_ credential: TLSCredential?) throws -> ClientTLS {
    let bundle = pki.bundle
    return ClientTLS(
      server: .spiffe(id: try SPIFFEID("spiffe://example.org/spire/server"), bundle: { bundle }),
      credential: { credential })
  }

  private func check(_ transport: ReconnectingTransport) async -> RPCError? {
    do {
      try await withGRPCClient(transport: transport) { client in
        _ = try await health(client).check(.init(), options: .within(.seconds(10)))
      }
      return nil
    } catch { return error as? RPCError ?? RPCError(code: .unknown, message: "\(error)") }
  }

  @Test func withoutACertificateTheHandshakeFails() async throws {
    let calls = Atomic(0)
    let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
    let port = socket.port ?? 0
    let (nobody, somebody) = (try tls(nil), try tls(pki.svid("/broker")))
    try await serve(socket, onCheck: { _ in calls.add(1, ordering: .relaxed) }) { endpoint in
      let error = await check(.tls(host: "127.0.0.1", port: port, tls: nobody))
      #expect(error?.connectError?.code == .handshake)
      await eventually { endpoint.connectionCount == 0 }
      #expect(calls.load(ordering: .relaxed) == 0)
      #expect(await check(.tls(host: "127.0.0.1", port: port, tls: somebody)) == nil)
    }
    #expect(calls.load(ordering: .relaxed) == 1)
  }

  @Test func theLogSaysWhyACertificateWasRefused() async throws {
    let log = TestLog()
    let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
    let port = socket.port ?? 0
    let stranger = try tls(TestPKI("example.org").svid("/broker"))
    try await serve(socket, log: log) { _ in
      let error = await check(.tls(host: "127.0.0.1", port: port, tls: stranger))
      #expect(error?.connectError?.code == .handshake)
      await eventually {
        log.all.contains { $0.fields["reason"]?.contains("certificate signed by unknown authority") == true }
      }
    }
  }

  @Test func overAUnixSocketBothTheProcessAndItsSVIDAreKnown() async throws {
    let found = Mutex<[String]>([])
    let path = folder.path + "/tls.sock"
    let client = try tls(pki.svid("/broker"))
    try await serve(
      try .unix(path: path, mode: 0o770, directoryMode: 0o755),
      onCheck: { context in
        let text = "\(context.peer?.caller.process?.pid ?? 0) \(context.peer?.svid?.id.description ?? "nobody")"
        found.withLock { $0.append(text) }
      }
    ) { _ in
      #expect(await check(.unix(path: path, tls: client)) == nil)
      // Whoever speaks no TLS is not heard.
      #expect(await check(.unix(path: path)) != nil)
    }
    #expect(found.withLock { $0 } == ["\(getpid()) spiffe://example.org/broker"])
  }

  @Test func aDrainedConnectionIsReplacedByTheNextCall() async throws {
    let connections = Mutex<[UInt64]>([])
    let path = folder.path + "/tls.sock"
    let client = try tls(pki.svid("/broker"))
    try await serve(
      try .unix(path: path, mode: 0o770, directoryMode: 0o755),
      onCheck: { context in
        let count = connections.withLock { list in
          list.append(context.peer?.id ?? 0)
          return list.count
        }
        if count == 1 {
          context.peer?.drain()
          throw RPCFailure(.unauthenticated, "again, please")
        }
      }
    ) { endpoint in
      let transport = ReconnectingTransport.unix(path: path, tls: client)
      try await withGRPCClient(transport: transport) { client in
        let error = await #expect(throws: RPCError.self) {
          _ = try await health(client).check(.init(), options: .within(.seconds(10)))
        }
        #expect(error?.code == .unauthenticated)
        await eventually { endpoint.connectionCount == 0 }
        // The client may not have heard of the end yet when it calls.
        while true {
          do {
            _ = try await health(client).check(.init(), options: .within(.seconds(10)))
            break
          } catch let error as RPCError where error.code == .unavailable {}
        }
      }
    }
    #expect(Set(connections.withLock { $0 }).count == 2)
  }
}
