import Daemon
import Foundation
import Synchronization
import Testing

@testable import AWS

/// How long credentials are kept, and who waits for new ones.
@Suite struct AWSCredentialKeepTests {
  private static let now = Date(timeIntervalSince1970: 1_795_291_845)

  private static func credentials(_ name: String = "A", endingIn seconds: TimeInterval? = nil) -> AWSCredentials {
    AWSCredentials(
      accessKeyID: name, secretAccessKey: "s", expiresAt: seconds.map { now.addingTimeInterval($0) })
  }

  /// Renewed five minutes before the end or, where they do not last ten, after half of their life.
  @Test(arguments: [(3600.0, 3300.0), (600, 300), (120, 60), (nil, 300)] as [(Double?, Double)])
  func theyAreRenewedInTime(_ life: Double?, _ renewal: Double) {
    var keep = AWSCredentialKeep()
    #expect(keep.action(Self.now, .zero) == .fetch)
    let found = Self.credentials(endingIn: life)
    keep.fetched(found, Self.now)
    #expect(keep.action(Self.now.addingTimeInterval(renewal - 1), .zero) == .use(found))
    #expect(keep.action(Self.now.addingTimeInterval(renewal), .zero) == .fetch)
  }

  /// What is there serves until its end, while the source is asked now and then.
  @Test func anOutage() {
    var keep = AWSCredentialKeep()
    let found = Self.credentials(endingIn: 3600)
    keep.fetched(found, Self.now)
    let late = Self.now.addingTimeInterval(3400)
    #expect(keep.action(late, .seconds(3400)) == .fetch)
    keep.failed(AWSError("away"), .seconds(3400))
    #expect(keep.action(late, .seconds(3429)) == .use(found))
    #expect(keep.action(late, .seconds(3430)) == .fetch)
    keep.failed(AWSError("away"), .seconds(3600))
    let end = Self.now.addingTimeInterval(3600)
    #expect(keep.good(end) == nil)
    #expect(keep.action(end, .seconds(3604)) == .fail(AWSError("away")))
    #expect(keep.action(end, .seconds(3605)) == .fetch)
  }

  @Test func oneIsAskedForAll() async throws {
    let cache = AWSCredentialCache(time: TestTime(Self.now))
    let count = Atomic<Int>(0)
    let gate = AsyncStream<Void>.makeStream()
    let fetch = { @Sendable () async throws(AWSError) -> AWSCredentials in
      count.add(1, ordering: .relaxed)
      for await _ in gate.stream { break }
      return Self.credentials(endingIn: 3600)
    }
    let found = try await withThrowingTaskGroup(of: AWSCredentials.self) { group in
      for _ in 0..<8 { group.addTask { try await cache.credentials(fetch) } }
      while count.load(ordering: .relaxed) == 0 { await Task.yield() }
      gate.continuation.yield()
      return try await group.reduce(into: Set<AWSCredentials>()) { $0.insert($1) }
    }
    #expect(found == [Self.credentials(endingIn: 3600)])
    #expect(count.load(ordering: .relaxed) == 1)
  }

  /// Who gave up has not asked for the others: one of them asks again.
  @Test func oneWhoGivesUpFailsNobodyElse() async throws {
    let cache = AWSCredentialCache(time: TestTime(Self.now))
    let started = Atomic<Bool>(false)
    let gate = AsyncStream<Void>.makeStream()
    let first = Task {
      try await cache.credentials { () throws(AWSError) in
        started.store(true, ordering: .relaxed)
        for await _ in gate.stream { break }
        throw AWSError("cancelled")
      }
    }
    while !started.load(ordering: .relaxed) { await Task.yield() }
    async let second = cache.credentials { () throws(AWSError) in Self.credentials("B", endingIn: 3600) }
    first.cancel()
    #expect(try await second.accessKeyID == "B")
    await #expect(throws: AWSError("cancelled")) { try await first.value }
  }

  /// Where the old ones are good, nobody waits long for new ones.
  @Test func aSilentSourceHoldsNobody() async throws {
    let time = TestTime(Self.now)
    let cache = AWSCredentialCache(time: time)
    let old = Self.credentials(endingIn: 3600)
    _ = try await cache.credentials { () throws(AWSError) in old }
    time.advance(by: .seconds(3301))
    async let found = cache.credentials { () throws(AWSError) in
      try? await time.sleep(for: .seconds(1000))
      throw AWSError("cancelled")
    }
    await time.waitForSleepers(2)
    time.advance(by: AWSCredentialCache.hurry)
    #expect(try await found == old)
  }

  @Test func failuresAreKeptForSeconds() async throws {
    let time = TestTime(Self.now)
    let cache = AWSCredentialCache(time: time)
    let count = Atomic<Int>(0)
    let fetch = { @Sendable () async throws(AWSError) -> AWSCredentials in
      count.add(1, ordering: .relaxed)
      throw AWSError("away")
    }
    for _ in 0..<3 { await #expect(throws: AWSError("away")) { try await cache.credentials(fetch) } }
    #expect(count.load(ordering: .relaxed) == 1)
    time.advance(by: .seconds(5))
    await #expect(throws: AWSError("away")) { try await cache.credentials(fetch) }
    #expect(count.load(ordering: .relaxed) == 2)
  }

  @Test func whatHasEndedIsNotTaken() async {
    let cache = AWSCredentialCache(time: TestTime(Self.now))
    await #expect(throws: AWSError("the credentials that were given ended at 2026-11-21T20:10:45Z")) {
      try await cache.credentials { () throws(AWSError) in Self.credentials(endingIn: 0) }
    }
  }
}
