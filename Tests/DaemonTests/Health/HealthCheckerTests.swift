import Foundation
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import Daemon

@Suite struct HealthCheckerTests {
  final class Part: Sendable {
    let failure = Mutex<String?>(nil)
    let rounds = Mutex(0)
    var check: HealthCheck {
      HealthCheck(name: "agent") { [self] in
        rounds.withLock { $0 += 1 }
        return .result("make_new_x509_err", failure: failure.withLock { $0 })
      }
    }
  }

  @Test func pollsFastUntilWellThenSlowly() async throws {
    let folder = try TestFolder()
    let time = TestTime()
    let log = LogOutput(
      writer: try LogWriter(path: folder.file("log")), format: .automatic, level: LogLevelControl(launch: .debug),
      time: time)
    let part = Part()
    part.failure.withLock { $0 = "workload api is unavailable" }
    let checker = HealthChecker(checks: [part.check], time: time, logger: log.logger.with(subsystem: "health"))
    let task = Task { try await checker.run() }
    await time.waitForSleepers()
    #expect(!checker.isReady && part.rounds.withLock { $0 } == 1)
    part.failure.withLock { $0 = nil }
    time.advance(by: .seconds(1))
    await time.waitForSleepers()
    #expect(checker.isReady && checker.isLive && part.rounds.withLock { $0 } == 2)
    time.advance(by: .seconds(59))
    await time.waitForSleepers()
    #expect(part.rounds.withLock { $0 } == 2)
    time.advance(by: .seconds(1))
    await time.waitForSleepers()
    #expect(part.rounds.withLock { $0 } == 3)
    task.cancel()
    try await task.value
    let messages = try folder.lines("log").map { RecordedLogTests.parse($0)["msg"] ?? "" }
    #expect(
      messages == [
        "Initializing health checkers", "Health check failed", "Health check recovered", "Finishing health checker",
      ])
  }

  @Test func theListenerShowsTheLastAnswer() async throws {
    let part = Part()
    let checker = HealthChecker(
      checks: [part.check], time: TestTime(), logger: Logger(label: "") { _ in SwiftLogNoOpLogHandler() })
    let listener = checker.listener(host: "127.0.0.1", port: 0, livePath: "/live", readyPath: "/ready")
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await listener.run() }
      let port = try #require(await listener.boundPort)
      let before = try HTTPProbe.get(port: port, path: "/ready")
      #expect(before.status == 500 && before.body == "{\"agent\":null}\n")
      await checker.round()
      let after = try HTTPProbe.get(port: port, path: "/ready?x=1")
      #expect(after.status == 200 && after.body == "{\"agent\":{}}\n")
      #expect(after.headers.contains("Content-Type: application/json"))
      part.failure.withLock { $0 = "workload api is unavailable" }
      await checker.round()
      let failing = try HTTPProbe.get(port: port, path: "/live", method: "POST")
      #expect(
        failing.status == 500 && failing.body == "{\"agent\":{\"make_new_x509_err\":\"workload api is unavailable\"}}\n"
      )
      #expect(try HTTPProbe.get(port: port, path: "/other").status == 404)
      #expect(try HTTPProbe.get(port: port, path: "/live", method: "HEAD").body == "")
      group.cancelAll()
      try await group.waitForAll()
    }
  }
}
