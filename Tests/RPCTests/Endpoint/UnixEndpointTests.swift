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

@Suite struct UnixEndpointTests {
  let folder: SocketFolder

  init() throws { folder = try SocketFolder() }

  @Test func callsKnowTheirPeer() async throws {
    let peers = Mutex<[(pid: Int32, uid: UInt32, isAlive: Bool)]>([])
    let service = TestService(onCheck: { _, context in
      let process = context.peer?.caller.process
      peers.withLock { $0.append((process?.pid ?? -1, process?.uid ?? 99, process?.process.isAlive ?? false)) }
    })
    let path = folder.socket
    try await withEndpoint(
      folder.listen(), services: [service], interceptors: [testInterceptor(testPolicies(.local))]
    ) { endpoint, _ in
      try await withUnixClient(path) { client in
        for _ in 0..<3 { _ = try await health(client).check(.init(), options: .within(.seconds(10))) }
      }
      await eventually { endpoint.connectionCount == 0 }
    }
    #expect(peers.withLock { $0.map(\.pid) } == [getpid(), getpid(), getpid()])
    #expect(peers.withLock { $0.allSatisfy { $0.uid == getuid() && $0.isAlive } })
    #expect(!FileManager.default.fileExists(atPath: folder.socket))
  }

  @Test(.enabled(if: Python.hasGRPC)) func anotherProcessIsKnownByItsNumber() async throws {
    let found = Mutex<(pid: Int32, handle: ProcessHandle)?>(nil)
    let service = TestService(onCheck: { _, context in
      guard let peer = context.peer?.caller.process else { return }
      #expect(peer.process.isAlive)
      #expect(peer.executablePath?.contains("python") == true)
      found.withLock { $0 = (peer.pid, peer.process) }
    })
    let path = folder.socket
    let output = try await withEndpoint(
      folder.listen(), services: [service], interceptors: [testInterceptor(testPolicies(.local))]
    ) { _, _ in
      try await Tool.runAside([
        "python3", "-c",
        """
        import grpc, os, sys
        channel = grpc.insecure_channel('unix:' + sys.argv[1])
        call = channel.unary_unary('/grpc.health.v1.Health/Check', lambda b: b, lambda b: b)
        print(call(b'', timeout=10).hex(), os.getpid())
        """, path,
      ])
    }
    let words = output.output.split(separator: " ").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
    #expect(words.first == "0801", "\(output.output)")
    let peer = try #require(found.withLock { $0 })
    #expect(words.last == "\(peer.pid)")
    #expect(!peer.handle.isAlive)
  }

  @Test(.enabled(if: Python.hasGRPC)) func grpcioReadsStatusDetails() async throws {
    var details = Spire_Api_Types_PermissionDeniedDetails()
    details.reason = .agentBanned
    let failure = RPCFailure(.permissionDenied, "authorization denied for method /x", details: [details])
    let service = TestService(onCheck: { request, _ in
      if request.service == "banned" { throw failure }
      throw RPCFailure(.invalidArgument, "per-service health is not supported")
    })
    let path = folder.socket
    let output = try await withEndpoint(
      folder.listen(), services: [service], interceptors: [testInterceptor(testPolicies(.local))]
    ) { _, _ in
      try await Tool.runAside(["python3", "-c", Self.detailsClient, path])
    }
    #expect(
      output.output.split(separator: "\n") == [
        "PERMISSION_DENIED authorization denied for method /x",
        "7 authorization denied for method /x type.googleapis.com/spire.api.types.PermissionDeniedDetails 0804",
        "INVALID_ARGUMENT per-service health is not supported none", "UNIMPLEMENTED unknown",
        "RESOURCE_EXHAUSTED grpc: received message larger than max (5242881 vs. 4194304)",
      ])
  }

  static let detailsClient = """
    import grpc, sys
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, any_pb2
    file = descriptor_pb2.FileDescriptorProto(name='status.proto', package='google.rpc', syntax='proto3')
    file.dependency.append('google/protobuf/any.proto')
    status = file.message_type.add(name='Status')
    status.field.add(name='code', number=1, type=5, label=1)
    status.field.add(name='message', number=2, type=9, label=1)
    status.field.add(name='details', number=3, type=11, label=3, type_name='.google.protobuf.Any')
    pool = descriptor_pool.Default()
    pool.Add(file)
    Status = message_factory.GetMessageClass(pool.FindMessageTypeByName('google.rpc.Status'))
    channel = grpc.insecure_channel('unix:' + sys.argv[1], options=[('grpc.max_send_message_length', -1)])
    call = channel.unary_unary('/grpc.health.v1.Health/Check', lambda b: b, lambda b: b)
    def fail(request):
        try:
            call(request, timeout=10)
        except grpc.RpcError as error:
            return error
    error = fail(b'\\x0a\\x06banned')
    print(error.code().name, error.details())
    trailers = dict(error.trailing_metadata())
    decoded = Status.FromString(trailers['grpc-status-details-bin'])
    print(decoded.code, decoded.message, decoded.details[0].type_url, decoded.details[0].value.hex())
    error = fail(b'\\x0a\\x01x')
    print(error.code().name, error.details(), dict(error.trailing_metadata()).get('grpc-status-details-bin', 'none'))
    call = channel.unary_unary('/grpc.health.v1.Health/check', lambda b: b, lambda b: b)
    print(fail(b'').code().name, 'unknown')
    call = channel.unary_unary('/grpc.health.v1.Health/Check', lambda b: b, lambda b: b)
    error = fail(b'\\x0a' + b'x' * (5 << 20))
    print(error.code().name, error.details())
    """

  @Test func unknownMethodsAreUnimplementedBeforeAnyPolicy() async throws {
    let path = folder.socket
    let log = TestLog()
    try await withEndpoint(
      folder.listen(), services: [TestService()], interceptors: [testInterceptor(testPolicies(.agent), log: log)]
    ) { _, _ in
      try await withUnixClient(path) { client in
        let unknown = Spire_Api_Server_Debug_V1_Debug.Client(wrapping: client)
        let error = await #expect(throws: RPCError.self) {
          try await unknown.getInfo(.init(), options: .within(.seconds(10)))
        }
        #expect(error?.code == .unimplemented)
        let known = await #expect(throws: RPCError.self) {
          try await health(client).check(.init(), options: .within(.seconds(10)))
        }
        #expect(
          known?.text
            == "rpc error: code = PermissionDenied desc = authorization denied for method /grpc.health.v1.Health/Check")
      }
    }
    #expect(log.messages == [])
  }

  @Test func methodsWithoutARowAreNamed() {
    typealias Debug = Spire_Api_Server_Debug_V1_Debug
    let interceptor = testInterceptor([MethodPolicy(Debug.Method.GetInfo.descriptor, callers: .local)])
    #expect(interceptor.missing(from: Debug.Method.descriptors).isEmpty)
    #expect(interceptor.missing(from: HealthMethods.descriptors).count == 3)
  }

  @Test func ourInsideIsNotToldToCallers() async throws {
    struct Secret: Error { let key = "hunter2" }
    let path = folder.socket
    let log = TestLog()
    try await withEndpoint(
      folder.listen(), services: [TestService(onCheck: { _, _ in throw Secret() })],
      interceptors: [testInterceptor(testPolicies(.local), log: log)]
    ) { _, _ in
      try await withUnixClient(path) { client in
        let error = await #expect(throws: RPCError.self) {
          try await health(client).check(.init(), options: .within(.seconds(10)))
        }
        #expect(error?.code == .internalError)
        let number = log.all.first?.fields["request_id"] ?? "?"
        #expect(error?.message == "internal error (request_id \(number))")
      }
    }
    #expect(log.all.first?.fields["error"]?.contains("hunter2") == true)
  }
}
