import Synchronization

/// Work of a plugin that outlives the calls which ask for it: a request that many callers wait for, a watch.
///
/// Whoever owns one runs it as a task of its own (`BuiltInPlugin.run`); jobs wait until then. When it ends, by ``finish()`` or
/// because its task is cancelled, all jobs are cancelled and awaited. A mutex guards what is registered.
package final class PluginJobs: Sendable {
  package typealias Job = @Sendable () async -> Void

  /// More than any plugin has under way before it runs.
  private static let limit = 256

  private let stream: AsyncStream<Job>
  private let continuation: AsyncStream<Job>.Continuation
  private let isOver = Mutex(false)

  package init() {
    (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.limit))
  }

  /// Begins `job`; false when there is nobody to do it any more.
  package func start(_ job: @escaping Job) -> Bool {
    guard !isOver.withLock({ $0 }), case .enqueued = continuation.yield(job) else { return false }
    return true
  }

  /// Does the jobs until the end; once.
  package func run() async {
    await withDiscardingTaskGroup { group in
      for await job in stream { group.addTask { await job() } }
      finish()
      group.cancelAll()
    }
  }

  /// Ends all jobs.
  package func finish() {
    isOver.withLock { $0 = true }
    continuation.finish()
  }
}
