/// Runs `body`, but no longer than `limit`: then it is cancelled and awaited.
///
/// - Parameter late: what is thrown when the time is over.
package func withTimeout<T: Sendable>(
  _ limit: Duration, _ time: any TimeSource, late: @autoclosure () -> any Error,
  _ body: @escaping @Sendable () async throws -> T
) async throws -> T {
  try await withThrowingTaskGroup(of: T?.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await time.sleep(for: limit)
      return nil
    }
    defer { group.cancelAll() }
    guard let first = try await group.next() else { throw CancellationError() }
    guard let result = first else { throw late() }
    return result
  }
}
