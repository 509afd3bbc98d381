import Daemon
import Foundation
import GRPCCore
import Logging
import SPIFFE
import SPIREProtos
import ServiceLifecycle
import Testing

@testable import RPC

@Suite struct ReconnectingTransportTests {
  let folder: SocketFolder

  init() throws { folder = try SocketFolder() }

  func failure(_ path: String) async -> RPCError? {
    await #expect(throws: RPCError.self) {
      try await withUnixClient(path) { client in
        _ = try await health(client).check(.init(), options: .within(.seconds(10)))
      }
    }
  }

  @Test func aMissingServerIsNamedInGosWords() async throws {
    let error = await failure(folder.socket)
    #expect(
      error?.text
        == "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: "
        + "dial unix \(folder.socket): connect: no such file or directory\"")
    #expect(error?.connectError?.code == .dial)
    #expect(error?.connectError?.hint.isEmpty == false)
  }

  @Test func aDeadSocketIsRefused() async throws {
    let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
    let port = socket.port ?? 0
    if let descriptor = socket.take() { close(descriptor) }
    let tls = ClientTLS(server: .insecure(id: try .init("spiffe://example.org/spire/server")))
    let error = await #expect(throws: RPCError.self) {
      try await withTLSClient(host: "127.0.0.1", port: port, tls: tls) { client in
        _ = try await health(client).check(.init(), options: .within(.seconds(10)))
      }
    }
    #expect(
      error?.message == "connection error: desc = \"transport: Error while dialing: dial tcp 127.0.0.1:\(port): "
        + "connect: connection refused\"")
  }

  @Test func aProcessThatDoesNotSpeakGRPCIsNamed() async throws {
    let plain = HTTPListener(host: "127.0.0.1", port: 0) { _ in .init(status: 200, contentType: "a", body: "b") }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await plain.run() }
      let port = await plain.boundPort ?? 0
      let tls = ClientTLS(server: .insecure(id: try .init("spiffe://example.org/spire/server")))
      let error = await #expect(throws: RPCError.self) {
        try await withTLSClient(host: "127.0.0.1", port: port, tls: tls) { client in
          _ = try await health(client).check(.init(), options: .within(.seconds(10)))
        }
      }
      #expect(error?.connectError?.code == .handshake)
      group.cancelAll()
      try await group.waitForAll()
    }
  }

  @Test func callsShareAConnectionAndASecondServerIsFoundAgain() async throws {
    let path = folder.socket
    try await withUnixClient(path) { client in
      for _ in 0..<2 {
        let early = await #expect(throws: RPCError.self) {
          try await health(client).check(.init(), options: .within(.seconds(10)))
        }
        #expect(early?.connectError?.code == .dial)
        try await withEndpoint(
          folder.listen(), services: [TestService()], interceptors: [testInterceptor(testPolicies(.local))]
        ) { endpoint, _ in
          try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
              group.addTask { _ = try await health(client).check(.init(), options: .within(.seconds(10))) }
            }
            try await group.waitForAll()
          }
          #expect(endpoint.connectionCount == 1)
        }
      }
    }
  }

  @Test func deadlinesEndCalls() async throws {
    let path = folder.socket
    let service = TestService(onCheck: { _, context in try await context.cancellation.cancelled })
    try await withEndpoint(
      folder.listen(), services: [service], interceptors: [testInterceptor(testPolicies(.local))]
    ) { _, _ in
      let error = await #expect(throws: (any Error).self) {
        try await withUnixClient(path) { client in
          _ = try await health(client).check(.init(), options: .within(.milliseconds(50)))
        }
      }
      #expect((error as? RPCError)?.code == .deadlineExceeded, "\(error.map { "\($0)" } ?? "")")
    }
  }
}
