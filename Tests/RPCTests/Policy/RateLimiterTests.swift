import Daemon
import GRPCCore
import Logging
import SPIFFE
import SPIREProtos
import ServiceLifecycle
import Testing

@testable import RPC

@Suite struct RateLimiterTests {
  let time = TestTime()

  @Test func refusalsHaveUpstreamsTexts() async {
    let limiter = RateLimiter(perSecond: 10, time: time)
    await #expect(throws: RPCFailure(.resourceExhausted, "rate (11) exceeds burst size (10)")) {
      try await limiter.take(11, for: "a", patience: nil)
    }
    await #expect(throws: Never.self) { try await limiter.take(10, for: "a", patience: .zero) }
    await #expect(throws: RPCFailure(.resourceExhausted, "rate: Wait(n=3) would exceed context deadline")) {
      try await limiter.take(3, for: "a", patience: .milliseconds(299))
    }
    await #expect(throws: Never.self) { try await limiter.take(10, for: "b", patience: .zero) }
  }

  @Test func waitsForTokens() async throws {
    let limiter = RateLimiter(perSecond: 10, time: time)
    try await limiter.take(10, for: "a", patience: nil)
    let waiting = Task { try await limiter.take(3, for: "a", patience: nil) }
    await time.waitForSleepers()
    time.advance(by: .milliseconds(301))
    try await waiting.value
  }

  @Test func aCancelledWaitGivesItsTokensBack() async throws {
    let limiter = RateLimiter(perSecond: 1, time: time)
    try await limiter.take(1, for: "a", patience: nil)
    let waiting = Task { try await limiter.take(1, for: "a", patience: nil) }
    await time.waitForSleepers()
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    time.advance(by: .seconds(1))
    await #expect(throws: Never.self) { try await limiter.take(1, for: "a", patience: .zero) }
  }

  @Test func idleBucketsAreForgottenAfterTwoGenerations() async throws {
    let limiter = RateLimiter(perSecond: 1, time: time)
    try await limiter.take(1, for: "a", patience: nil)
    time.advance(by: .seconds(60))
    try await limiter.take(1, for: "b", patience: nil)
    #expect(limiter.bucketCount == 2)
    try await limiter.take(1, for: "a", patience: nil)
    time.advance(by: .seconds(60))
    try await limiter.take(1, for: "c", patience: nil)
    #expect(limiter.bucketCount == 3)
    time.advance(by: .seconds(60))
    try await limiter.take(1, for: "d", patience: nil)
    #expect(limiter.bucketCount == 2)
  }

  @Test func aFloodOfAddressesIsBounded() async throws {
    let limiter = RateLimiter(perSecond: 1, time: time)
    for address in 0..<140_000 { try await limiter.take(1, for: "\(address)", patience: .zero) }
    #expect(limiter.bucketCount <= 2 * 65_536)
  }

  @Test(arguments: [
    ("100m", Duration.milliseconds(100)), ("1H", .seconds(3600)), ("2M", .seconds(120)), ("3S", .seconds(3)),
    ("99999999u", .microseconds(99_999_999)), ("5n", .nanoseconds(5)), ("", nil), ("5", nil), ("-1S", nil), ("1s", nil),
    ("999999999S", nil),
  ])
  func timeoutsAreRead(_ text: String, _ expected: Duration?) { #expect(GRPCTimeout.parse(text) == expected) }
}
