import Daemon
package import GRPCCore
package import SPIREProtos

/// The service `grpc.health.v1.Health` on the admin socket: the server is healthy when it can fetch its own bundle.
package struct HealthAPI: Grpc_Health_V1_Health.SimpleServiceProtocol {
  let server: ServerParts

  package init(_ server: ServerParts) { self.server = server }

  package func check(
    request: Grpc_Health_V1_HealthCheckRequest, context: ServerContext
  ) async throws -> Grpc_Health_V1_HealthCheckResponse {
    let call = try APICall(context)
    guard request.service.isEmpty else {
      throw call.failure(.invalidArgument, "per-service health is not supported")
    }
    return await status(call)
  }

  package func list(
    request: Grpc_Health_V1_HealthListRequest, context: ServerContext
  ) async throws -> Grpc_Health_V1_HealthListResponse {
    let call = try APICall(context)
    var response = Grpc_Health_V1_HealthListResponse()
    response.statuses[""] = await status(call)
    return response
  }

  /// Sends the status now and whenever it changes, looking once per second.
  package func watch(
    request: Grpc_Health_V1_HealthCheckRequest, response: RPCWriter<Grpc_Health_V1_HealthCheckResponse>,
    context: ServerContext
  ) async throws {
    let call = try APICall(context)
    guard request.service.isEmpty else {
      throw call.failure(.invalidArgument, "per-service health is not supported")
    }
    var last: Grpc_Health_V1_HealthCheckResponse?
    while true {
      let now = await status(call)
      if now != last { try await response.write(now) }
      last = now
      try await server.time.sleep(for: .seconds(1))
    }
  }

  private func status(_ call: APICall) async -> Grpc_Health_V1_HealthCheckResponse {
    var response = Grpc_Health_V1_HealthCheckResponse()
    do {
      guard try await server.bundles.bundle(of: server.trustDomain) != nil else {
        throw ConversionError("bundle not found")
      }
      response.status = .serving
    } catch {
      call.warning("Health check failed: \(error)")
      response.status = .notServing
    }
    return response
  }
}
