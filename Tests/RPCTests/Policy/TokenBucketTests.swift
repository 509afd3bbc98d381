import Testing

@testable import RPC

@Suite struct TokenBucketTests {
  /// A bucket that `#expect` can change.
  final class Bucket {
    private var bucket: TokenBucket
    init(rate: Int, now: Double) { bucket = TokenBucket(rate: rate, now: now) }
    func reserve(_ count: Int, now: Double, patience: Double) -> TokenBucket.Reservation? {
      bucket.reserve(count, now: now, patience: patience)
    }
    func giveBack(_ reservation: TokenBucket.Reservation, now: Double) { bucket.giveBack(reservation, now: now) }
  }

  @Test func beginsFullAndRefillsByTheSecond() {
    let bucket = Bucket(rate: 10, now: 100)
    #expect(bucket.reserve(10, now: 100, patience: 0)?.readyAt == 100)
    #expect(bucket.reserve(1, now: 100, patience: 0) == nil)
    #expect(bucket.reserve(5, now: 100.5, patience: 0)?.readyAt == 100.5)
    #expect(bucket.reserve(10, now: 200, patience: 0)?.readyAt == 200)
    #expect(bucket.reserve(1, now: 200, patience: 0) == nil)
  }

  @Test func reservationsQueueUp() {
    let bucket = Bucket(rate: 1, now: 0)
    #expect(bucket.reserve(1, now: 0, patience: 10)?.readyAt == 0)
    #expect(bucket.reserve(1, now: 0, patience: 10)?.readyAt == 1)
    #expect(bucket.reserve(1, now: 0, patience: 10)?.readyAt == 2)
    #expect(bucket.reserve(1, now: 0, patience: 2.5) == nil)
    #expect(bucket.reserve(1, now: 0, patience: 3)?.readyAt == 3)
  }

  @Test func aRefusalChangesNothing() {
    let bucket = Bucket(rate: 1, now: 0)
    _ = bucket.reserve(1, now: 0, patience: 0)
    for _ in 0..<5 { #expect(bucket.reserve(1, now: 0.5, patience: 0.1) == nil) }
    #expect(bucket.reserve(1, now: 0.5, patience: 1)?.readyAt == 1)
  }

  @Test func whoLeavesGivesBack() throws {
    let bucket = Bucket(rate: 1, now: 0)
    _ = bucket.reserve(1, now: 0, patience: 0)
    let last = try #require(bucket.reserve(1, now: 0, patience: 10))
    bucket.giveBack(last, now: 0)
    #expect(bucket.reserve(1, now: 0, patience: 10)?.readyAt == 1)
  }

  @Test func whatOthersBuildOnIsNotGivenBack() throws {
    let bucket = Bucket(rate: 1, now: 0)
    _ = bucket.reserve(1, now: 0, patience: 0)
    let first = try #require(bucket.reserve(1, now: 0, patience: 10))
    _ = bucket.reserve(1, now: 0, patience: 10)
    bucket.giveBack(first, now: 0)
    #expect(bucket.reserve(1, now: 0, patience: 10)?.readyAt == 3)
  }

  @Test func aClockSetBackDoesNotStopTheFlow() {
    let bucket = Bucket(rate: 1, now: 1000)
    _ = bucket.reserve(1, now: 1000, patience: 0)
    #expect(bucket.reserve(1, now: 0, patience: 5)?.readyAt == 1)
    #expect(bucket.reserve(1, now: 2, patience: 0)?.readyAt == 2)
  }
}
