import Synchronization
import Testing

@testable import AgentPlugins

/// Calls that many ask for at once: one is made, nothing is kept, and who gives up takes nobody along.
@Suite(.timeLimit(.minutes(3))) struct SharedCallsTests {
  /// Lets calls in one by one, and counts them.
  private final class Gate: Sendable {
    private struct State {
      var calls = 0
      var open: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())
    var calls: Int { state.withLock { $0.calls } }

    func pass() async {
      await withCheckedContinuation { continuation in
        state.withLock {
          $0.calls += 1
          $0.open.append(continuation)
        }
      }
    }

    func open() {
      for one in state.withLock({ s in
        defer { s.open = [] }; return s.open
      }) { one.resume() }
    }
  }

  private func until(_ condition: () -> Bool) async { while !condition() { await Task.yield() } }

  @Test func oneCallIsMadeForAllWhoWait() async throws {
    let calls = SharedCalls<String, Int>(limit: 4)
    let gate = Gate()
    let tasks = (0..<10).map { _ in
      Task {
        try await calls.value("a") { () async throws(AgentPluginError) -> Int in
          await gate.pass()
          return 7
        }
      }
    }
    await until { calls.waitingCount == 9 }
    gate.open()
    for task in tasks { #expect(try await task.value == 7) }
    #expect(gate.calls == 1)
    // Nothing is kept.
    let again = try await calls.value("a") { () async throws(AgentPluginError) -> Int in 8 }
    #expect(again == 8)
  }

  @Test func anErrorIsSharedToo() async throws {
    let calls = SharedCalls<String, Int>(limit: 4)
    let gate = Gate()
    let tasks = (0..<3).map { _ in
      Task {
        try await calls.value("a") { () async throws(AgentPluginError) -> Int in
          await gate.pass()
          throw AgentPluginError(.notFound, "no")
        }
      }
    }
    await until { calls.waitingCount == 2 }
    gate.open()
    for task in tasks {
      let result = await task.result
      #expect(throws: AgentPluginError(.notFound, "")) { try result.get() }
    }
    #expect(gate.calls == 1)
  }

  @Test func whoGivesUpTakesNobodyAlong() async throws {
    let calls = SharedCalls<String, Int>(limit: 4)
    let gate = Gate()
    let work: @Sendable () async throws(AgentPluginError) -> Int = { () async throws(AgentPluginError) -> Int in
      await gate.pass()
      if Task.isCancelled { throw AgentPluginError(.unavailable, "context canceled") }
      return 7
    }
    let first = Task { try await calls.value("a", work) }
    await until { gate.calls == 1 }
    let others = (0..<3).map { _ in Task { try await calls.value("a", work) } }
    await until { calls.waitingCount == 3 }
    // One who waits: leaves alone.
    others[1].cancel()
    let left = await others[1].result
    #expect(throws: AgentPluginError(.unavailable, "")) { try left.get() }
    // The one who calls: another calls in its place.
    first.cancel()
    gate.open()
    let gone = await first.result
    #expect(throws: AgentPluginError(.unavailable, "")) { try gone.get() }
    await until { gate.calls == 2 }
    gate.open()
    #expect(try await others[0].value == 7)
    #expect(try await others[2].value == 7)
    #expect(gate.calls == 2)
  }

  @Test func moreCallsThanAllowedAreRefused() async throws {
    let calls = SharedCalls<Int, Int>(limit: 1)
    let gate = Gate()
    let first = Task {
      try await calls.value(1) { () async throws(AgentPluginError) -> Int in
        await gate.pass()
        return 1
      }
    }
    await until { gate.calls == 1 }
    await #expect(throws: AgentPluginError(.resourceExhausted, "")) {
      try await calls.value(2) { () async throws(AgentPluginError) -> Int in 2 }
    }
    gate.open()
    #expect(try await first.value == 1)
    let second = try await calls.value(2) { () async throws(AgentPluginError) -> Int in 2 }
    #expect(second == 2)
  }
}
