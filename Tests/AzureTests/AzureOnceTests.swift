import Daemon
import Foundation
import HTTP
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

  // MARK: Renewal

  /// A token of 100 s that is asked for again after 60 s.
  private func renewed(_ once: AzureOnce<String, Int>, _ source: Source, fails: Bool = false) async throws -> Int {
    try await once.renewed("a") { () throws(AzureError) in
      let value = source.next(.seconds(100)).value
      if fails { throw AzureError(.unavailable, "down") }
      return .init(value, lifetime: .seconds(100), renewal: .seconds(60))
    }
  }

  @Test func whatIsGoodIsRenewedBeforeItEnds() async throws {
    let (once, source) = (AzureOnce<String, Int>(time: time), Source())
    #expect(try await renewed(once, source) == 1)
    time.advance(by: .seconds(59))
    #expect(try await renewed(once, source) == 1)
    time.advance(by: .seconds(1))
    #expect(try await renewed(once, source) == 2)
    #expect(try await renewed(once, source) == 2)
  }

  @Test func anOutageKeepsWhatIsGoodUntilItEnds() async throws {
    let (once, source) = (AzureOnce<String, Int>(time: time), Source())
    #expect(try await renewed(once, source) == 1)
    time.advance(by: .seconds(60))
    for _ in 0..<5 { #expect(try await renewed(once, source, fails: true) == 1) }
    #expect(source.asked.withLock { $0 } == 2, "an outage is not asked after by every caller")
    time.advance(by: .seconds(30))
    #expect(try await renewed(once, source, fails: true) == 1)
    #expect(source.asked.withLock { $0 } == 3)
    time.advance(by: .seconds(10))
    let error = await #expect(throws: AzureError.self) { try await renewed(once, source, fails: true) }
    #expect(error?.message == "down")
    #expect(try await renewed(once, source) == 5)
  }

  @Test func nobodyWaitsForARenewalButWhoAsksForIt() async throws {
    let (once, source) = (AzureOnce<String, Int>(time: time), Source())
    #expect(try await renewed(once, source) == 1)
    time.advance(by: .seconds(60))
    let (gate, open) = AsyncStream<Void>.makeStream()
    let (began, begin) = AsyncStream<Void>.makeStream()
    async let first = once.renewed("a") { () throws(AzureError) in
      begin.finish()
      for await _ in gate {}
      return .init(9, lifetime: .seconds(100), renewal: .seconds(60))
    }
    for await _ in began {}
    #expect(try await renewed(once, source) == 1)
    open.finish()
    let value = try await first
    #expect(value == 9)
    #expect(try await renewed(once, source) == 9)
  }

  @Test func whatEndsSoonIsNotAskedForByEveryCaller() async throws {
    let (once, source) = (AzureOnce<String, Int>(time: time), Source())
    for _ in 0..<3 {
      let value = try await once.renewed("a") { () throws(AzureError) in
        .init(source.next(.zero).value, lifetime: .seconds(100), renewal: .seconds(-200))
      }
      #expect(value == 1)
    }
  }
}
