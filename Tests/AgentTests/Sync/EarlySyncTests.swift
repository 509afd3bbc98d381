import Foundation
import Testing

@testable import Agent
@testable import Daemon

/// How often a sync may begin early, whatever the number of askers.
@Suite struct EarlySyncTests {
  @Test func gapsGrowWhileNothingIsFound() {
    let start = Date(timeIntervalSince1970: 1000)
    var limit = EarlySyncLimit()
    #expect(limit.delay(at: start) == 0)
    limit.began(at: start)
    limit.ended(.unchanged)
    #expect(limit.delay(at: start) == 0.2)
    for _ in 0..<10 { limit.ended(.unchanged) }
    #expect(limit.delay(at: start) == EarlySyncLimit.longest)
    #expect(limit.delay(at: start + 10) == 0)
    limit.ended(.changed)
    #expect(limit.delay(at: start) == EarlySyncLimit.shortest)
    limit.ended(.failed)
    #expect(limit.delay(at: start + 100) == nil)
    limit.ended(.changed)
    // A clock that was set back does not block.
    #expect(limit.delay(at: start - 100) == 0)
  }

  @Test func manyAskersShareOneSync() async throws {
    let time = TestTime()
    let early = EarlySync(time: time)
    let syncs = Task {
      var count = 0
      for _ in 0..<1 {
        try await early.syncNeeded.wait(atMost: .seconds(3600), time)
        // All askers are there before the sync begins.
        while early.waiterCount < 50 { await Task.yield() }
        early.syncBegins()
        count += 1
        early.syncEnded(.changed)
      }
      return count
    }
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<50 { group.addTask { await early.request() } }
    }
    #expect(try await syncs.value == 1)
    #expect(early.waiterCount == 0)
  }

  @Test func nobodyWaitsLongerThanTheLimit() async {
    let time = TestTime()
    let early = EarlySync(time: time)
    async let request: Void = early.request()
    await time.waitForSleepers(1)
    time.advance(by: .milliseconds(300))
    await request
    #expect(early.waiterCount == 0)
  }

  @Test func withoutAServerNobodyWaits() async {
    let early = EarlySync(time: TestTime())
    early.syncBegins()
    early.syncEnded(.failed)
    await early.request()
  }
}
