import Daemon
import GRPCCore
import Logging
import SPIFFE
import SPIREProtos
import ServiceLifecycle
import Synchronization
import Testing

@testable import RPC

@Suite struct HealthServiceTests {
  @Test func answersForTheDaemonAsAWhole() async throws {
    let folder = try SocketFolder()
    let isServing = Mutex(true)
    let service = HealthService { _ in isServing.withLock { $0 } }
    let path = folder.socket
    try await withEndpoint(
      folder.listen(), services: [service], interceptors: [testInterceptor(HealthService.policies(callers: .local))]
    ) { _, _ in
      try await withUnixClient(path) { client in
        let options = CallOptions.within(.seconds(10))
        let first = try await health(client).check(.init(), options: options)
        #expect(first.status == .serving)
        isServing.withLock { $0 = false }
        let second = try await health(client).check(.init(), options: options)
        #expect(second.status == .notServing)
        var request = Grpc_Health_V1_HealthCheckRequest()
        request.service = "x"
        let error = await #expect(throws: RPCError.self) { try await health(client).check(request, options: options) }
        #expect(error?.text == "rpc error: code = InvalidArgument desc = per-service health is not supported")
        let watch = await #expect(throws: RPCError.self) {
          try await health(client).watch(.init(), options: options) { for try await _ in $0.messages {} }
        }
        #expect(watch?.code == .unimplemented)
      }
    }
  }
}
