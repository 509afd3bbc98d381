import Daemon
import Foundation
import Synchronization
import Testing

@testable import Azure

/// What is asked for once for many, and kept.
@Suite struct AzureOnceTests {
  private let time = TestTime(Date())

  /// Counts how often it is asked.
  private final class Source: Sendable {
    let asked = Mutex(0)
    func next(_ lifetime: Duration) -> (value: Int, lifetime: Duration) {
      (
        asked.withLock {
          $0 += 1; return $0
        }, lifetime
      )
    }
  }

  @Test func valuesAreKeptUntilTheyEnd() async throws {
    let (once, source) = (AzureOnce<String, Int>(time: time), Source())
    let fetch: AzureOnce<String, Int>.Fetch = { () throws(AzureError) in source.next(.seconds(10)) }
    #expect(try await once.value("a", fetch) == 1)
    #expect(try await once.value("a", fetch) == 1)
    #expect(try await once.value("b", fetch) == 2)
    time.advance(by: .seconds(11))
    #expect(try await once.value("a", fetch) == 3)
    await once.forget("a")
    #expect(try await once.value("a", fetch) == 4)
  }

  @Test func theOldestMakesRoom() async throws {
    let (once, source) = (AzureOnce<Int, Int>(time: time, maximumKept: 2), Source())
    let fetch: AzureOnce<Int, Int>.Fetch = { () throws(AzureError) in source.next(.seconds(10)) }
    for key in 1...3 { _ = try await once.value(key, fetch) }
    #expect(try await once.value(3, fetch) == 3)
    #expect(try await once.value(2, fetch) == 2)
    #expect(try await once.value(1, fetch) == 4)
  }

  @Test func failuresAreNotKept() async throws {
    let once = AzureOnce<String, Int>(time: time)
    let error = await #expect(throws: AzureError.self) {
      try await once.value("a") { () throws(AzureError) in throw AzureError(.unavailable, "x") }
    }
    #expect(error?.message == "x")
    let next = try await once.value("a") { () throws(AzureError) in (5, .seconds(1)) }
    #expect(next == 5)
  }

  @Test func onlySoManyAreUnderWay() async throws {
    let once = AzureOnce<Int, Int>(time: time, maximumUnderWay: 1)
    let (gate, open) = AsyncStream<Void>.makeStream()
    let (began, begin) = AsyncStream<Void>.makeStream()
    async let first = once.value(1) { () throws(AzureError) in
      begin.finish()
      for await _ in gate {}
      return (1, .seconds(1))
    }
    for await _ in began {}
    let error = await #expect(throws: AzureError.self) {
      try await once.value(2) { () throws(AzureError) in (2, .seconds(1)) }
    }
    #expect(error?.code == .unavailable)
    open.finish()
    let value = try await first
    #expect(value == 1)
  }
}
