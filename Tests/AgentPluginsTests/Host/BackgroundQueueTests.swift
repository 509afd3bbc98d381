import Foundation
import Testing

@testable import AgentPlugins

/// Work that hangs, and the work beside it.
@Suite struct BackgroundQueueTests {
  @Test func workThatHangsHoldsUpNobodyElse() async throws {
    let queue = BackgroundQueue(label: "test", width: 2)
    let gate = DispatchSemaphore(value: 0)
    let hanging = Task { try await queue.run { gate.wait() } }
    // Every one of them, not one in two.
    for number in 0..<10 { #expect(try await queue.run { number } == number) }
    gate.signal()
    try await hanging.value
  }

  @Test func workWhoseCallerGaveUpIsNotDone() async throws {
    let queue = BackgroundQueue(label: "test", width: 1)
    let gate = DispatchSemaphore(value: 0)
    let hanging = Task { try await queue.run { gate.wait() } }
    while !queue.isBusy { await Task.yield() }
    let waiting = Task { try await queue.run { Issue.record("nobody wants this any more") } }
    while queue.waitingCount < 1 { await Task.yield() }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    #expect(queue.waitingCount == 0)
    gate.signal()
    try await hanging.value
    #expect(try await queue.run { 7 } == 7)
  }

  @Test func lineIsBounded() async throws {
    let queue = BackgroundQueue(label: "test", width: 1, limit: 1)
    let gate = DispatchSemaphore(value: 0)
    let hanging = Task { try await queue.run { gate.wait() } }
    while !queue.isBusy { await Task.yield() }
    let waiting = Task { try await queue.run {} }
    while queue.waitingCount < 1 { await Task.yield() }
    await #expect(throws: BackgroundQueue.Full.self) { try await queue.run {} }
    gate.signal()
    try await hanging.value
    try await waiting.value
  }
}

extension BackgroundQueue {
  /// Whether the thread has taken what waited.
  fileprivate var isBusy: Bool { workerCount > 0 && waitingCount == 0 }
}
