import GRPCCore

/// Runs `body` and cancels it when the call is cancelled: by the caller, its deadline or the endpoint's shutdown.
///
/// The gRPC library tells a cancelled call only through `handle`; this makes it a cancelled task.
func withCallCancellation<T: Sendable>(
  _ handle: ServerContext.RPCCancellationHandle?, _ body: @escaping @Sendable () async throws -> T
) async throws -> T {
  guard let handle else { return try await body() }
  return try await withThrowingTaskGroup(of: T?.self) { group in
    defer { group.cancelAll() }
    group.addTask { try await body() }
    group.addTask {
      try await handle.cancelled
      return nil
    }
    while let finished = try await group.next() {
      if let value = finished { return value }
      group.cancelAll()
    }
    throw CancellationError()
  }
}
