package import GRPCCore
import RPC

/// What every request of the broker endpoint must keep, reflection included: the header that a confused proxy would not
/// send (SPIFFE Broker Endpoint), and reflection on the Unix socket alone. Comes after ``CallInterceptor``. Stateless.
package struct BrokerGate: ServerInterceptor {
  package init() {}

  package func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>, context: ServerContext,
    next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    try Self.check(request.metadata, context)
    return try await next(request, context)
  }

  private static func check(_ metadata: Metadata, _ context: ServerContext) throws {
    if context.descriptor.service.fullyQualifiedService.hasPrefix("grpc.reflection."),
      context.peer?.caller.process == nil
    {
      throw RPCFailure(.permissionDenied, "server reflection is only available over Unix sockets")
    }
    guard Array(metadata[stringValues: "broker.spiffe.io"]) == ["true"] else {
      throw RPCFailure(.invalidArgument, "security header missing from request")
    }
  }
}
