import Daemon

/// What a platform did not do in time, in the words of Go's contexts.
struct OutOfTime: Error, CustomStringConvertible { var description: String { "context deadline exceeded" } }

/// Runs `body`, but no longer than `limit`: then it is cancelled and awaited. For steps of an attestation in which a
/// platform is asked more than once.
func within<T: Sendable>(
  _ limit: Duration, _ time: any TimeSource, _ body: @escaping @Sendable () async throws -> T
) async throws -> T {
  try await withThrowingTaskGroup(of: T?.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await time.sleep(for: limit)
      return nil
    }
    defer { group.cancelAll() }
    guard let first = try await group.next(), let result = first else { throw OutOfTime() }
    return result
  }
}
