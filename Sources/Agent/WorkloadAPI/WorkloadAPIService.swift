package import AgentPlugins
package import GRPCCore
import GRPCProtobuf
import Logging
package import RPC
import SwiftProtobuf
package import WorkloadProtos

/// The Workload API on gRPC: checks the security header, finds the caller, passes on messages. Stateless.
///
/// Streams send bytes that were encoded once for all callers with the same identities, so methods are registered by
/// hand instead of through the generated service.
package struct WorkloadAPIService: RegistrableRPCService {
  package typealias Methods = WorkloadSpiffeWorkloadAPI.Method

  /// Everybody who reaches the socket may call; what they get is decided by attestation.
  package static let policies = Methods.descriptors.map { MethodPolicy($0, callers: .any, audit: .none) }

  private let api: WorkloadAPI
  private let processes: HostProcesses

  package init(_ api: WorkloadAPI, processes: HostProcesses) {
    self.api = api
    self.processes = processes
  }

  package func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    let api = api
    feed(&router, .fetchX509SVID, Methods.FetchX509SVID.descriptor) { (call, _: WorkloadX509SVIDRequest) in
      try await api.fetchX509SVID(call)
    }
    feed(&router, .fetchX509Bundles, Methods.FetchX509Bundles.descriptor) { (call, _: WorkloadX509BundlesRequest) in
      try await api.fetchX509Bundles(call)
    }
    feed(&router, .fetchJWTBundles, Methods.FetchJWTBundles.descriptor) { (call, _: WorkloadJWTBundlesRequest) in
      try await api.fetchJWTBundles(call)
    }
    stream(&router, .fetchWITSVID, Methods.FetchWITSVID.descriptor) {
      try await api.fetchWITSVID($0, $1, send: $2)
    }
    feed(&router, .fetchWITBundles, Methods.FetchWITBundles.descriptor) { (call, _: WorkloadWITBundlesRequest) in
      try await api.fetchWITBundles(call)
    }
    unary(&router, .fetchJWTSVID, Methods.FetchJWTSVID.descriptor) { try await api.fetchJWTSVID($0, $1) }
    unary(&router, .validateJWTSVID, Methods.ValidateJWTSVID.descriptor) { try await api.validateJWTSVID($0, $1) }
  }

  /// A stream that is served without a task once its caller is let in.
  private func feed<Transport: ServerTransport, Input: SwiftProtobuf.Message>(
    _ router: inout RPCRouter<Transport>, _ method: WorkloadMethod, _ descriptor: MethodDescriptor,
    _ open: @escaping @Sendable (WorkloadAPI.Call, Input) async throws -> WorkloadFeed
  ) {
    router.registerHandler(
      forMethod: descriptor, deserializer: ProtobufDeserializer<Input>(), serializer: PreparedBytes()
    ) { (request: StreamingServerRequest<Input>, context) -> StreamingServerResponse<[UInt8]> in
      let call = try begin(method, request.metadata, context)
      let message = try await ServerRequest(stream: request).message
      let stream = try context.call
      return StreamingServerResponse { _ in
        // Nothing comes between the two: who opens a feed closes it.
        await stream.keepOpen(try await failing { try await open(call, message) })
        return [:]
      }
    }
  }

  private func stream<Transport: ServerTransport, Input: SwiftProtobuf.Message>(
    _ router: inout RPCRouter<Transport>, _ method: WorkloadMethod, _ descriptor: MethodDescriptor,
    _ body:
      @escaping @Sendable (WorkloadAPI.Call, Input, @escaping @Sendable ([UInt8]) async throws -> Void) async throws
      -> Void
  ) {
    router.registerHandler(
      forMethod: descriptor, deserializer: ProtobufDeserializer<Input>(), serializer: PreparedBytes()
    ) { (request: StreamingServerRequest<Input>, context) -> StreamingServerResponse<[UInt8]> in
      let call = try begin(method, request.metadata, context)
      let message = try await ServerRequest(stream: request).message
      return StreamingServerResponse { writer in
        try await failing { try await body(call, message) { try await writer.write($0) } }
        return [:]
      }
    }
  }

  private func unary<Transport: ServerTransport, Input: SwiftProtobuf.Message, Output: SwiftProtobuf.Message>(
    _ router: inout RPCRouter<Transport>, _ method: WorkloadMethod, _ descriptor: MethodDescriptor,
    _ body: @escaping @Sendable (WorkloadAPI.Call, Input) async throws -> Output
  ) {
    router.registerHandler(
      forMethod: descriptor, deserializer: ProtobufDeserializer<Input>(), serializer: ProtobufSerializer<Output>()
    ) { (request: StreamingServerRequest<Input>, context) -> StreamingServerResponse<Output> in
      let call = try begin(method, request.metadata, context)
      let message = try await ServerRequest(stream: request).message
      let response = try await failing { try await body(call, message) }
      return StreamingServerResponse(single: ServerResponse(message: response))
    }
  }

  /// What comes before every method: the header that a browser or a confused proxy would not send (Workload Endpoint
  /// §5), and the process behind the connection.
  private func begin(
    _ method: WorkloadMethod, _ metadata: Metadata, _ context: ServerContext
  ) throws -> WorkloadAPI.Call {
    guard Array(metadata[stringValues: "workload.spiffe.io"]) == ["true"] else {
      throw RPCFailure(.invalidArgument, "security header missing from request")
    }
    return try WorkloadAPI.Call(method, context, processes)
  }

  private func failing<T: Sendable>(_ body: () async throws -> T) async throws -> T {
    do { return try await body() } catch let error as AgentError { throw RPCFailure(error) }
  }
}

extension WorkloadAPI.Call {
  /// A call that came over a socket, by the process that connected.
  init(_ method: WorkloadMethod, _ context: ServerContext, _ processes: HostProcesses) throws {
    let call = try context.call
    guard let peer = call.caller.process else {
      throw RPCFailure(.unavailable, "workload attestation failed")
    }
    let caller = SocketCaller(peer, processes: processes) { call.endConnection() }
    self.init(method: method, caller: caller, logger: call.logger)
  }
}
