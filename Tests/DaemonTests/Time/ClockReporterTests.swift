import Foundation
import Logging
import Synchronization
import Testing

@testable import Daemon

@Suite struct ClockReporterTests {
  @Test func onlyAClockThatWasSetIsReported() async throws {
    let time = TestTime(Date(timeIntervalSince1970: 1_795_291_845))
    let passed = Mutex(Duration.zero)
    let lines = Mutex<[String]>([])
    let logger = Logger(label: "test") { _ in Capture { line in lines.withLock { $0.append(line) } } }
    let watch = ClockReporter(time: time, logger: logger) { passed.withLock { $0 } }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await watch.run() }
      func step(wall: Duration, monotonic: Duration) async {
        await time.waitForSleepers()
        passed.withLock { $0 += monotonic }
        time.advance(by: wall)
        await time.waitForSleepers()
      }
      await step(wall: .seconds(5), monotonic: .seconds(5))
      await step(wall: .seconds(3600), monotonic: .seconds(3601))
      #expect(lines.withLock { $0 }.isEmpty)
      await step(wall: .seconds(7205), monotonic: .seconds(5))
      #expect(lines.withLock { $0.last }?.contains("set forward") == true)
      #expect(lines.withLock { $0.last }?.contains("by=2h0m0s") == true)
      await step(wall: .seconds(5), monotonic: .seconds(3605))
      #expect(lines.withLock { $0.last }?.contains("set back") == true)
      #expect(lines.withLock { $0.count } == 2)
      group.cancelAll()
      try await group.waitForAll()
    }
  }

  private struct Capture: LogHandler {
    let take: @Sendable (String) -> Void
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace
    init(_ take: @escaping @Sendable (String) -> Void) { self.take = take }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
      let fields = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      take("\(event.message) \(fields.joined(separator: " "))")
    }
  }
}
