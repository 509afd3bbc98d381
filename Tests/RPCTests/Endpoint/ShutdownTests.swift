import Daemon
import Foundation
import GRPCCore
import Logging
import SPIFFE
import SPIREProtos
import ServiceLifecycle
import Synchronization
import Testing

@testable import RPC

@Suite struct ShutdownTests {
  let folder: SocketFolder

  init() throws { folder = try SocketFolder() }

  /// Lets a call wait inside its method until the test lets it go.
  final class Gate: Sendable {
    private let opened = AsyncStream.makeStream(of: Void.self)
    private let entered = AsyncStream.makeStream(of: Void.self)
    func open() { opened.continuation.finish() }
    func pass() async {
      entered.continuation.finish()
      for await _ in opened.stream {}
    }
    func waitForEntry() async { for await _ in entered.stream {} }
  }

  @Test func callsFinishBeforeAGracefulEnd() async throws {
    let gate = Gate()
    let events = Mutex<[String]>([])
    let path = folder.socket
    let service = TestService(onCheck: { _, _ in await gate.pass() })
    try await withEndpoint(
      folder.listen(), services: [service], interceptors: [testInterceptor(testPolicies(.local))],
      observe: { event in events.withLock { $0.append("\(event)") } }
    ) { _, group in
      try await withUnixClient(path) { client in
        async let answer = health(client).check(.init(), options: .within(.seconds(20)))
        await gate.waitForEntry()
        await group.triggerGracefulShutdown()
        await eventually { events.withLock { $0.contains("stopping") } }
        gate.open()
        let status = try await answer.status
        #expect(status == .serving)
      }
    }
    #expect(events.withLock { $0 } == ["started", "stopping", "stoppedGracefully", "stopped"])
  }

  @Test func streamsThatWaitEndWithUnavailable() async throws {
    let gate = Gate()
    let ended = Mutex(false)
    let path = folder.socket
    let service = TestService(onWatch: { writer, _ in
      try await writer.write(TestService.serving)
      defer { ended.withLock { $0 = true } }
      try await Task.sleep(for: .seconds(3600))
    })
    try await withEndpoint(
      folder.listen(), services: [service], interceptors: [testInterceptor(testPolicies(.local))]
    ) { _, group in
      try await withUnixClient(path) { client in
        let error = await #expect(throws: RPCError.self) {
          try await health(client).watch(.init()) { response in
            for try await _ in response.messages { await group.triggerGracefulShutdown() }
          }
        }
        #expect(error?.code == .unavailable)
      }
    }
    #expect(ended.withLock { $0 })
    gate.open()
  }

  @Test func aStreamEndsWhenItsClientLeaves() async throws {
    let ended = Mutex(false)
    let path = folder.socket
    let service = TestService(onWatch: { writer, _ in
      try await writer.write(TestService.serving)
      defer { ended.withLock { $0 = true } }
      try await Task.sleep(for: .seconds(3600))
    })
    try await withEndpoint(
      folder.listen(), services: [service], interceptors: [testInterceptor(testPolicies(.local))]
    ) { endpoint, _ in
      try await withUnixClient(path) { client in
        struct Enough: Error {}
        await #expect(throws: Enough.self) {
          try await health(client).watch(.init()) { response in
            for try await _ in response.messages { throw Enough() }
          }
        }
        await eventually { ended.withLock { $0 } }
      }
      await eventually { endpoint.connectionCount == 0 }
    }
  }

  @Test(arguments: [true, false]) func callsThatDoNotFinishAreCutOff(_ isHard: Bool) async throws {
    let gate = Gate()
    let events = Mutex<[String]>([])
    let path = folder.socket
    var options = GRPCEndpoint.Options()
    options.shutdown = isHard ? .hard : .graceful(.milliseconds(20))
    let service = TestService(onCheck: { _, _ in
      await withTaskCancellationHandler {
        await gate.pass()
      } onCancel: {
        gate.open()
      }
    })
    try await withEndpoint(
      folder.listen(), services: [service], interceptors: [testInterceptor(testPolicies(.local))], options: options,
      observe: { event in events.withLock { $0.append("\(event)") } }
    ) { _, group in
      try await withUnixClient(path) { client in
        async let answer = health(client).check(.init(), options: .within(.seconds(20)))
        await gate.waitForEntry()
        await group.triggerGracefulShutdown()
        var error: RPCError?
        do { _ = try await answer } catch let failure as RPCError { error = failure }
        #expect(
          error?.code == .unavailable || error?.code == .cancelled || error?.code == .unknown,
          "\(error.map { "\($0)" } ?? "")")
      }
    }
    #expect(events.withLock { $0 } == ["started", "stopping", "stoppedHard", "stopped"])
  }

  @Test func aSilentConnectionIsClosed() async throws {
    var options = GRPCEndpoint.Options()
    options.silenceLimit = .milliseconds(20)
    let path = folder.socket
    try await withEndpoint(
      folder.listen(), services: [TestService()], interceptors: [testInterceptor(testPolicies(.local))],
      options: options
    ) { endpoint, _ in
      let result = try await Tool.runAside([
        "python3", "-c",
        """
        import socket, sys
        s = socket.socket(socket.AF_UNIX)
        s.connect(sys.argv[1])
        while s.recv(4096): pass
        print('closed')
        """, path,
      ])
      #expect(result.output == "closed\n")
      await eventually { endpoint.connectionCount == 0 }
    }
  }
}
