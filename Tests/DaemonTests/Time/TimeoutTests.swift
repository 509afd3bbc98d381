import Daemon
import Testing

@Suite struct TimeoutTests {
  private struct Late: Error {}

  @Test func whatHangsIsEndedAndAwaited() async throws {
    let time = TestTime()
    let result = Task {
      try await withTimeout(.seconds(30), time, late: Late()) { try await time.sleep(for: .seconds(3600)) }
    }
    await time.waitForSleepers(2)
    time.advance(by: .seconds(30))
    await #expect(throws: Late.self) { try await result.value }
  }

  @Test func whatIsDoneInTimeCounts() async throws {
    let time = TestTime()
    let seven = try await withTimeout(.seconds(30), time, late: Late()) { 7 }
    #expect(seven == 7)
    await #expect(throws: CancellationError.self) {
      try await withTimeout(.seconds(30), time, late: Late()) { throw CancellationError() }
    }
  }
}
