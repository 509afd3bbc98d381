import Dispatch
import Synchronization

/// A few threads for work that blocks or takes long: account lookups, file digests, RSA keys. Shared by all its
/// callers.
///
/// Jobs wait in one line for the next free thread, so one that hangs holds up nobody while there is another thread. A job
/// is refused when ``limit`` others wait already, so that a flood of callers cannot pile up memory; a job whose caller
/// gave up leaves the line.
package final class BackgroundQueue: Sendable {
  /// Too many jobs are waiting.
  package struct Full: Error, CustomStringConvertible {
    package let description = "too much work is waiting on this host; try again"
  }

  private struct Job {
    let id: UInt64
    let run: @Sendable () -> Void
    let drop: @Sendable () -> Void
  }

  private struct State {
    var line: [Job] = []
    var next: UInt64 = 0
    var workers = 0
    /// Callers that gave up before their job was in line.
    var dropped: Set<UInt64> = []
  }
  private let threads: DispatchQueue
  private let width: Int
  private let limit: Int
  private let state = Mutex(State())

  package init(label: String, width: Int = 4, limit: Int = 4096) {
    threads = DispatchQueue(label: label, attributes: .concurrent)
    self.width = max(1, width)
    self.limit = limit
  }

  /// The queue that the agent's parts share.
  package static let shared = BackgroundQueue(label: "agent-background")

  /// The jobs that wait for a thread.
  var waitingCount: Int { state.withLock { $0.line.count } }

  /// The threads that are at work.
  var workerCount: Int { state.withLock { $0.workers } }

  /// Runs `work` on one of the threads and returns what it returns. Work that has begun is not interrupted.
  package func run<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
    let id = state.withLock { state in
      state.next += 1
      return state.next
    }
    defer { state.withLock { _ = $0.dropped.remove(id) } }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<T, any Error>) in
        let job = Job(
          id: id, run: { continuation.resume(with: Result { try work() }) },
          drop: { continuation.resume(throwing: CancellationError()) })
        do { try add(job) } catch { continuation.resume(throwing: error) }
      }
    } onCancel: {
      drop(id)
    }
  }

  private func add(_ job: Job) throws {
    let needsWorker = try state.withLock { state in
      if state.dropped.contains(job.id) { throw CancellationError() }
      guard state.line.count < limit else { throw Full() }
      state.line.append(job)
      guard state.workers < width else { return false }
      state.workers += 1
      return true
    }
    if needsWorker { threads.async { [self] in serve() } }
  }

  private func serve() {
    while let job = take() { job.run() }
  }

  private func take() -> Job? {
    state.withLock { state in
      if state.line.isEmpty {
        state.workers -= 1
        return nil
      }
      return state.line.removeFirst()
    }
  }

  private func drop(_ id: UInt64) {
    let job = state.withLock { state -> Job? in
      guard let index = state.line.firstIndex(where: { $0.id == id }) else {
        state.dropped.insert(id)
        return nil
      }
      return state.line.remove(at: index)
    }
    job?.drop()
  }
}
