import Synchronization
import Testing

@testable import Daemon

/// Work that hangs, and those who wait for it.
@Suite struct BoundedWorkTests {
  /// Holds work whatever happens to its task.
  private final class Gate: Sendable {
    private let held = Mutex<(isOpen: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))
    func pass() async {
      await withCheckedContinuation { continuation in
        let isOpen = held.withLock { held in
          if !held.isOpen { held.waiters.append(continuation) }
          return held.isOpen
        }
        if isOpen { continuation.resume() }
      }
    }
    func open() {
      let waiters = held.withLock { held in
        held.isOpen = true
        defer { held.waiters = [] }
        return held.waiters
      }
      for waiter in waiters { waiter.resume() }
    }
  }

  @Test func workThatEndsInTimeGivesItsResult() async throws {
    let work = BoundedWork(deadline: .seconds(5), limit: 2, time: TestTime())
    #expect(try await work.run { 7 } == 7)
    #expect(work.count == 0)
  }

  @Test func workThatIgnoresItsCancellationHoldsNobodyAndCountsUntilItEnds() async throws {
    let (time, gate) = (TestTime(), Gate())
    let work = BoundedWork(deadline: .seconds(5), limit: 1, time: time)
    let late = Task { try await work.run { await gate.pass() } }
    await time.waitForSleepers()
    time.advance(by: .seconds(5))
    await #expect(throws: BoundedWork.Failure.late) { try await late.value }
    // It still hangs, so there is no room.
    #expect(work.count == 1)
    await #expect(throws: BoundedWork.Failure.full) { try await work.run {} }
    gate.open()
    while work.count > 0 { await Task.yield() }
    try await work.run {}
  }

  @Test func callerThatIsCancelledWaitsNoLonger() async throws {
    let (time, gate) = (TestTime(), Gate())
    let work = BoundedWork(deadline: .seconds(5), limit: 8, time: time)
    let caller = Task { try await work.run { await gate.pass() } }
    await time.waitForSleepers()
    caller.cancel()
    await #expect(throws: BoundedWork.Failure.cancelled) { try await caller.value }
    gate.open()
  }

  @Test func oneTimerServesAllAndDeadlinesAreEachOnesOwn() async throws {
    let (time, gate) = (TestTime(), Gate())
    let work = BoundedWork(deadline: .seconds(5), limit: 8, time: time)
    let first = Task { try await work.run { await gate.pass() } }
    await time.waitForSleepers()
    time.advance(by: .seconds(3))
    let second = Task { try await work.run { await gate.pass() } }
    while work.count < 2 { await Task.yield() }
    #expect(time.sleeperCount == 1)
    time.advance(by: .seconds(2))
    await #expect(throws: BoundedWork.Failure.late) { try await first.value }
    // The second one has two seconds more.
    await time.waitForSleepers()
    time.advance(by: .seconds(3))
    await #expect(throws: BoundedWork.Failure.late) { try await second.value }
    gate.open()
  }
}
