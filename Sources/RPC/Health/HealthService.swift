package import GRPCCore
package import SPIREProtos

/// The gRPC health service (`grpc.health.v1.Health`) of a daemon: it knows one service, the empty name.
///
/// `Check` asks a closure that the daemon supplies; nothing is cached here. `Watch` and `List` are not offered, as
/// upstream does.
package struct HealthService: Grpc_Health_V1_Health.SimpleServiceProtocol {
  private let isServing: @Sendable (ServerContext) async -> Bool

  /// - Parameter isServing: whether the daemon does its work now.
  package init(isServing: @escaping @Sendable (ServerContext) async -> Bool) { self.isServing = isServing }

  package func check(
    request: Grpc_Health_V1_HealthCheckRequest, context: ServerContext
  ) async throws -> Grpc_Health_V1_HealthCheckResponse {
    guard request.service.isEmpty else {
      throw try context.call.failure(.invalidArgument, "per-service health is not supported")
    }
    let isServing = await isServing(context)
    var response = Grpc_Health_V1_HealthCheckResponse()
    response.status = isServing ? .serving : .notServing
    return response
  }

  package func list(
    request: Grpc_Health_V1_HealthListRequest, context: ServerContext
  ) async throws -> Grpc_Health_V1_HealthListResponse {
    throw RPCFailure(.unimplemented, "method List not implemented")
  }

  package func watch(
    request: Grpc_Health_V1_HealthCheckRequest, response: RPCWriter<Grpc_Health_V1_HealthCheckResponse>,
    context: ServerContext
  ) async throws {
    throw RPCFailure(.unimplemented, "method Watch not implemented")
  }

  /// The rows of the service: on the server for local callers, on the agent for everybody who reaches the socket.
  package static func policies(callers: MethodPolicy.Callers) -> [MethodPolicy] {
    Grpc_Health_V1_Health.Method.descriptors.map { MethodPolicy($0, callers: callers, audit: .none) }
  }
}
