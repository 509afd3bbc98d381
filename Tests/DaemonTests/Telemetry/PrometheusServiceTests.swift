import DaemonTesting
import Foundation
import Testing

@testable import Daemon

/// A metrics port that is taken.
@Suite struct PrometheusServiceTests {
  @Test(.timeLimit(.minutes(3))) func aPortThatIsTakenIsTriedAgain() async throws {
    let time = TestTime()
    let log = LogCapture()
    let sink = PrometheusSink(prefix: "p", time: time)
    sink.setGauge(["up"], to: 1, labels: [])
    try await withThrowingTaskGroup(of: Void.self) { group in
      let first = PrometheusListener.make(host: "127.0.0.1", port: 0, sink: sink)
      let occupant = Task { try await first.run() }
      let port = try #require(await first.boundPort)
      let (listening, listens) = AsyncStream.makeStream(of: Void.self)
      let service = PrometheusService(time: time, logger: log.logger) {
        PrometheusListener.make(
          host: "127.0.0.1", port: port, sink: sink, whenListening: { _ in listens.yield() })
      }
      group.addTask { try await service.run() }
      await time.waitForSleepers()
      #expect(log.lines.count == 1 && log.lines[0].hasPrefix("Prometheus listener stopped unexpectedly: "))
      occupant.cancel()
      _ = await occupant.result
      time.advance(by: .seconds(30))
      for await _ in listening { break }
      let page = try HTTPProbe.get(port: port, path: "/")
      #expect(page.status == 200 && page.body.contains("up 1"))
      group.cancelAll()
      while await group.nextResult() != nil {}
    }
    #expect(log.lines.count == 1)
  }
}
