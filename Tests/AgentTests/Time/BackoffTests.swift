import Foundation
import Testing

@testable import Agent
@testable import Daemon

/// Waiting times: growth, jitter, caps.
@Suite struct BackoffTests {
  @Test func growsByHalfUpToItsCap() {
    var backoff = RetryBackoff(initial: .seconds(5), maximum: .seconds(12))
    let waits = (0..<5).map { _ in backoff.next(.fixed(0.5)) }
    #expect(waits == [.seconds(5), .milliseconds(7500), .milliseconds(11250), .seconds(12), .seconds(12)])
    backoff.reset()
    #expect(backoff.next(.fixed(0.5)) == .seconds(5))
  }

  @Test func jitterStaysWithinATenth() {
    for unit in [0, 0.25, 0.5, 0.75, 0.999_999] {
      var backoff = RetryBackoff(initial: .seconds(10), maximum: .seconds(10))
      let wait = backoff.next(.fixed(unit)).seconds
      #expect(wait >= 9 && wait <= 11)
    }
  }

  @Test func afterAFailureAgentsPart() {
    let waits = [0, 0.25, 0.5, 0.75].map { unit in
      var backoff = RetryBackoff(initial: .seconds(10), maximum: .seconds(10))
      return backoff.next(.fixed(unit), jitter: RetryBackoff.spread)
    }
    #expect(waits == [.seconds(5), .milliseconds(7500), .seconds(10), .milliseconds(12500)])
  }

  @Test func rotationIsAtHalfOfTheLifetime() {
    let start = Date(timeIntervalSince1970: 1_000_000)
    let end = start + 3600
    #expect(RotationPolicy().rotationTime(notBefore: start, notAfter: end, .fixed(0.5)) == start + 1800)
    #expect(RotationPolicy().rotationTime(notBefore: start, notAfter: end, .fixed(0)) == start + 1980)
    #expect(RotationPolicy().rotationTime(notBefore: end, notAfter: end, .fixed(0)) == end)
  }

  @Test func availabilityTargetOnlyMakesRotationEarlier() {
    let start = Date(timeIntervalSince1970: 1_000_000)
    let week = 7 * 86400.0
    let policy = RotationPolicy(availabilityTarget: .seconds(6 * 86400))
    #expect(policy.isFeasible(lifetime: week))
    #expect(policy.rotationTime(notBefore: start, notAfter: start + week, .fixed(0)) == start + 86400)
    // A target that is shorter than half of the lifetime changes nothing.
    let short = RotationPolicy(availabilityTarget: .seconds(86400))
    #expect(short.rotationTime(notBefore: start, notAfter: start + week, .fixed(0.5)) == start + week / 2)
    // A lifetime that leaves less than twelve hours beside the target is handled by halves.
    #expect(!policy.isFeasible(lifetime: 6 * 86400 + 3600))
    #expect(
      policy.rotationTime(notBefore: start, notAfter: start + 6 * 86400 + 3600, .fixed(0.5))
        == start + (6 * 86400 + 3600) / 2)
  }

  @Test func ringBeforeWaitingIsNotLost() async throws {
    let bell = Wakeup()
    let time = TestTime()
    bell.ring()
    bell.ring()
    try await bell.wait(atMost: .seconds(5), time)
    // Both rings counted once: now it waits for the time.
    async let second: Void = bell.wait(atMost: .seconds(5), time)
    await time.waitForSleepers(1)
    time.advance(by: .seconds(5))
    try await second
  }
}
