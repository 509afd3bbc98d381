import Daemon
import Synchronization

/// The one place that asks the kubelet for its pods: however many callers wait, one request is under way, and what it brings
/// is for all of them (agent-plugins §8).
///
/// The last list serves callers that have not seen it for one `poll_retry_interval` and is dropped then. Requests are jobs of
/// ``PluginJobs``: a caller who leaves ends nothing that others wait for. A mutex guards the state.
final class PodListFetcher: Sendable {
  typealias Fetch = @Sendable () async throws(AgentPluginError) -> [PodRecord]

  private struct Waiter {
    /// On the steady clock.
    let due: Duration
    let continuation: CheckedContinuation<PodList, any Error>
  }

  private struct State {
    var schedule: FetchSchedule
    var waiters: [UInt64: Waiter] = [:]
    var nextWaiter: UInt64 = 0
    var isFetching = false
    var version: UInt64 = 0
    var cached: PodList?
    /// When the timer that counts goes off. Others that run do nothing.
    var alarm: Duration?
    var isClosed = false
  }

  private enum Move {
    case nothing, fetch, wait(until: Duration)
  }

  private let interval: Duration
  private let jobs: PluginJobs
  private let time: any TimeSource
  private let fetch: Fetch
  private let state: Mutex<State>

  init(interval: Duration, jobs: PluginJobs, time: any TimeSource, fetch: @escaping Fetch) {
    self.interval = interval
    self.jobs = jobs
    self.time = time
    self.fetch = fetch
    state = Mutex(State(schedule: FetchSchedule(interval: interval)))
  }

  /// A list that is newer than `version`, 0 for any: the last one while it is fresh, else the next one. It is asked for after
  /// `delay`, or earlier where somebody else asks.
  func list(after version: UInt64, in delay: Duration = .zero) async throws -> PodList {
    let now = time.steady
    let known = state.withLock { $0.cached }
    if let known, known.version > version, now - known.startedAt < interval { return known }
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isClosed = state.withLock { state in
          if !state.isClosed { state.waiters[id] = Waiter(due: now + delay, continuation: continuation) }
          return state.isClosed
        }
        if isClosed { return continuation.resume(throwing: Self.closed) }
        if Task.isCancelled { return leave(id) }
        move()
      }
    } onCancel: {
      leave(id)
    }
  }

  /// Ends all waiting; nothing is asked any more.
  func close() {
    let waiters = state.withLock { state in
      state.isClosed = true
      state.cached = nil
      defer { state.waiters = [:] }
      return state.waiters
    }
    for waiter in waiters.values { waiter.continuation.resume(throwing: Self.closed) }
  }

  var isClosed: Bool { state.withLock(\.isClosed) }
  /// Whether a list is in memory.
  var holdsList: Bool { state.withLock { $0.cached != nil } }
  var waiterCount: Int { state.withLock { $0.waiters.count } }

  private static var closed: AgentPluginError {
    KubernetesAttestor.failure(.unavailable, "pod list fetcher is closed")
  }

  private func leave(_ id: UInt64) {
    let waiter = state.withLock { $0.waiters.removeValue(forKey: id) }
    waiter?.continuation.resume(throwing: CancellationError())
  }

  /// Begins what is due for those who wait.
  private func move() {
    let now = time.steady
    let move = state.withLock { state -> Move in
      guard !state.isFetching, !state.isClosed, let due = state.waiters.values.map(\.due).min() else { return .nothing }
      let start = state.schedule.earliest(due)
      if start <= now {
        state.isFetching = true
        state.alarm = nil
        state.schedule.began(at: now)
        return .fetch
      }
      if let alarm = state.alarm, alarm <= start { return .nothing }
      state.alarm = start
      return .wait(until: start)
    }
    let isStarted =
      switch move {
      case .nothing: true
      case .fetch: jobs.start { [self] in await run() }
      case .wait(let end): jobs.start { [self] in await wait(until: end, from: now) }
      }
    if !isStarted { close() }
  }

  private func wait(until end: Duration, from now: Duration) async {
    do { try await time.sleep(for: end - now) } catch { return }
    let counts = state.withLock { state in
      defer { if state.alarm == end { state.alarm = nil } }
      return state.alarm == end
    }
    if counts { move() }
  }

  /// One request, and what comes after it.
  private func run() async {
    let startedAt = time.steady
    let result: Result<[PodRecord], AgentPluginError>
    do { result = .success(try await fetch()) } catch { result = .failure(error) }
    let (outcome, waiters) = state.withLock { state -> (Result<PodList, any Error>, [UInt64: Waiter]) in
      state.isFetching = false
      defer { state.waiters = [:] }
      switch result {
      case .success(let pods):
        state.version += 1
        let list = PodList(version: state.version, startedAt: startedAt, pods: pods)
        if !state.isClosed { state.cached = list }
        return (.success(list), state.waiters)
      case .failure(let error): return (.failure(error), state.waiters)
      }
    }
    for waiter in waiters.values { waiter.continuation.resume(with: outcome) }
    guard case .success(let list) = outcome else { return }
    let left = interval - (time.steady - startedAt)
    if left > .zero { try? await time.sleep(for: left) }
    state.withLock { if $0.cached?.version == list.version { $0.cached = nil } }
  }
}
