import Dispatch

/// Runs work that blocks or computes for long (files, P-384, RSA, key generation) beside the cooperative pool.
///
/// Keys, and parts that make keys of their own, use it; event loops never wait for it. Dispatch bounds its threads.
package enum BackgroundWork {
  private static let parallel = DispatchQueue(label: "keys.work", attributes: .concurrent)

  /// Where the work of the present task is done, if not on the queue that all share.
  @TaskLocal package static var pass: BackgroundLane.Pass?

  /// The result of `body`, run on a queue that many callers share, or in the lane that the task has a ``pass`` of.
  package static func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    if let pass { return try await pass.run(body) }
    return try await run(on: parallel, body)
  }

  /// The result of `body`, run on `queue`; a serial queue makes the callers wait for each other.
  static func run<T: Sendable>(
    on queue: DispatchQueue, _ body: @escaping @Sendable () throws -> T
  ) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result { try body() }) }
    }
  }
}
