import Daemon
import Synchronization
import Testing

@testable import AgentPlugins

/// One request for all who wait, on a clock that the test moves.
@Suite struct PodListFetcherTests {
  private static let interval = Duration.milliseconds(500)

  /// A kubelet that answers when the test says so.
  private final class Kubelet: Sendable {
    private struct State {
      var requests: [CheckedContinuation<Result<[PodRecord], AgentPluginError>, Never>] = []
      var count = 0
      var arrivals: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }
    private let state = Mutex(State())

    var count: Int { state.withLock(\.count) }

    func pods() async throws(AgentPluginError) -> [PodRecord] {
      let result = await withCheckedContinuation { continuation in
        let arrived = state.withLock { state in
          state.requests.append(continuation)
          state.count += 1
          let count = state.count
          defer { state.arrivals.removeAll { $0.count <= count } }
          return state.arrivals.filter { $0.count <= count }
        }
        for arrival in arrived { arrival.continuation.resume() }
      }
      return try result.get()
    }

    /// Returns when it was asked so often.
    func waitForRequest(_ count: Int) async {
      await withCheckedContinuation { continuation in
        let isThere = state.withLock { state in
          if state.count >= count { return true }
          state.arrivals.append((count, continuation))
          return false
        }
        if isThere { continuation.resume() }
      }
    }

    func answer(_ result: Result<[PodRecord], AgentPluginError>) {
      let requests = state.withLock { state in
        defer { state.requests = [] }
        return state.requests
      }
      for request in requests { request.resume(returning: result) }
    }
  }

  private struct Setting {
    let kubelet = Kubelet()
    let time = TestTime()
    let fetcher: PodListFetcher
    let jobs = PluginJobs()

    init() {
      let kubelet = kubelet
      fetcher = PodListFetcher(interval: PodListFetcherTests.interval, jobs: jobs, time: time) {
        () async throws(AgentPluginError) in try await kubelet.pods()
      }
    }
  }

  private func with(_ body: @Sendable (Setting) async throws -> Void) async throws {
    let setting = Setting()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await setting.jobs.run() }
      try await body(setting)
      setting.fetcher.close()
      // Whoever still asks the kubelet is let go.
      setting.kubelet.answer(.success([]))
      setting.jobs.finish()
    }
  }

  /// Lets other tasks run until `condition` holds; the test's time limit ends one that never does.
  private func until(_ condition: () -> Bool) async {
    while !condition(), !Task.isCancelled { await Task.yield() }
  }

  @Test(.timeLimit(.minutes(3))) func manyCallersAreOneRequest() async throws {
    try await with { (setting) async throws in
      let versions = try await withThrowingTaskGroup(of: UInt64.self) { group in
        for _ in 0..<500 { group.addTask { try await setting.fetcher.list(after: 0).version } }
        await until { setting.fetcher.waiterCount == 500 }
        await setting.kubelet.waitForRequest(1)
        setting.kubelet.answer(.success([PodRecord()]))
        return try await group.reduce(into: Set<UInt64>()) { $0.insert($1) }
      }
      #expect(versions == [1])
      #expect(setting.kubelet.count == 1)
      // While it is fresh the list serves who has not seen it, and is dropped then.
      #expect(try await setting.fetcher.list(after: 0).version == 1)
      #expect(setting.kubelet.count == 1)
      await setting.time.waitForSleepers()
      setting.time.advance(by: Self.interval)
      await until { !setting.fetcher.holdsList }
    }
  }

  @Test(.timeLimit(.minutes(3))) func whoHasSeenTheListGetsANewerOne() async throws {
    try await with { (setting) async throws in
      async let first = setting.fetcher.list(after: 0)
      await setting.kubelet.waitForRequest(1)
      setting.kubelet.answer(.success([]))
      let seen = try await first.version
      async let second = setting.fetcher.list(after: seen)
      // Not in the same instant: requests keep a distance, far below the interval.
      await setting.time.waitForSleepers(2)
      #expect(setting.kubelet.count == 1)
      setting.time.advance(by: Self.interval / PollPlan.fraction)
      await setting.kubelet.waitForRequest(2)
      setting.kubelet.answer(.success([PodRecord()]))
      #expect(try await second.pods.count == 1)
    }
  }

  @Test(.timeLimit(.minutes(3))) func newsForOneIsNewsForAll() async throws {
    try await with { (setting) async throws in
      async let first = setting.fetcher.list(after: 0)
      await setting.kubelet.waitForRequest(1)
      setting.kubelet.answer(.success([]))
      let seen = try await first.version
      // One who would wait for long, and one who wants a list now.
      async let patient = setting.fetcher.list(after: seen, in: .seconds(60))
      await until { setting.fetcher.waiterCount == 1 }
      async let hasty = setting.fetcher.list(after: seen)
      await until { setting.fetcher.waiterCount == 2 }
      // The first list's end, and the two timers.
      await setting.time.waitForSleepers(3)
      setting.time.advance(by: Self.interval / PollPlan.fraction)
      await setting.kubelet.waitForRequest(2)
      setting.kubelet.answer(.success([]))
      #expect(try await patient.version == 2)
      #expect(try await hasty.version == 2)
    }
  }

  @Test(.timeLimit(.minutes(3))) func aFailureIsTold() async throws {
    try await with { (setting) async throws in
      async let failed = setting.fetcher.list(after: 0)
      await setting.kubelet.waitForRequest(1)
      setting.kubelet.answer(.failure(KubernetesAttestor.failure(.unavailable, "away")))
      do {
        _ = try await failed
        Issue.record("there was no list")
      } catch let error as AgentPluginError {
        #expect(error.message == "workloadattestor(k8s): away")
      }
      #expect(!setting.fetcher.holdsList)
    }
  }

  @Test(.timeLimit(.minutes(3))) func whoLeavesEndsNothing() async throws {
    try await with { (setting) async throws in
      let leaving = Task { try await setting.fetcher.list(after: 0).version }
      await setting.kubelet.waitForRequest(1)
      async let staying = setting.fetcher.list(after: 0)
      await until { setting.fetcher.waiterCount == 2 }
      leaving.cancel()
      await until { setting.fetcher.waiterCount == 1 }
      await #expect(throws: CancellationError.self) { try await leaving.value }
      setting.kubelet.answer(.success([]))
      #expect(try await staying.version == 1)
      #expect(setting.kubelet.count == 1)
    }
  }

  @Test(.timeLimit(.minutes(3))) func theEndIsTold() async throws {
    try await with { (setting) async throws in
      async let waiting = setting.fetcher.list(after: 0)
      await setting.kubelet.waitForRequest(1)
      setting.fetcher.close()
      do {
        _ = try await waiting
        Issue.record("there was no list")
      } catch let error as AgentPluginError {
        #expect(error.code == .unavailable)
      }
      await #expect(throws: AgentPluginError.self) { try await setting.fetcher.list(after: 0) }
    }
  }
}
