import FoundationEssentials
package import Logging
import ServiceLifecycle
import Synchronization

/// Asks the daemon's parts how they are, every second until all are well and every minute from then on, and keeps the
/// answers for the HTTP listener. A service.
package final class HealthChecker: Service {
  private let checks: [HealthCheck]
  private let time: any TimeSource
  private let logger: Logger
  private let history: Mutex<HealthHistory>

  /// - Parameter logger: with the subsystem `health`.
  package init(checks: [HealthCheck], time: any TimeSource, logger: Logger) {
    self.checks = checks
    self.time = time
    self.logger = logger
    history = Mutex(HealthHistory(names: checks.map(\.name)))
  }

  package var isLive: Bool { history.withLock { $0.live.isGood } }
  package var isReady: Bool { history.withLock { $0.ready.isGood } }

  package func run() async throws {
    logger.debug("Initializing health checkers")
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        await self.round()
        let interval = self.history.withLock { $0.interval }
        do { try await self.time.sleep(for: interval) } catch { break }
      }
    }
    logger.debug("Finishing health checker")
  }

  /// Runs all checks once, at the same time.
  package func round() async {
    let states = await withTaskGroup(of: (String, HealthState).self) { group in
      for check in checks { group.addTask { (check.name, await check.check()) } }
      var states: [String: HealthState] = [:]
      for await (name, state) in group { states[name] = state }
      return states
    }
    if Task.isCancelled { return }
    let now = time.now
    for change in history.withLock({ $0.record(states, at: now) }) {
      switch change {
      case .failed(let name, let error):
        logger.warning("Health check failed", metadata: ["check": "\(name)", "error": "\(error)"])
      case .recovered(let name, let error, let failures, let since):
        logger.info(
          "Health check recovered",
          metadata: [
            "check": "\(name)", "error": "\(error)", "failures": .stringConvertible(failures),
            "duration": .stringConvertible(now.timeIntervalSince(since)),
          ])
      }
    }
  }

  /// Makes the listener that shows the last answers: 200 or 500 with JSON at the two paths, any method.
  ///
  /// - Parameter host: `bind_address`; brackets around an IPv6 address are dropped.
  package func listener(host: String, port: Int, livePath: String, readyPath: String) -> HTTPListener {
    let logger = self.logger
    var host = host
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    return HTTPListener(
      host: host, port: port,
      whenListening: { logger.info("Serving health checks", metadata: ["address": "\($0)"]) },
      answer: { [self] request in
        let answer: (isGood: Bool, page: String)
        switch request.path {
        case livePath: answer = history.withLock { $0.live }
        case readyPath: answer = history.withLock { $0.ready }
        default:
          return HTTPListener.Response(
            status: 404, contentType: "text/plain; charset=utf-8", body: "404 page not found\n")
        }
        return HTTPListener.Response(
          status: answer.isGood ? 200 : 500, contentType: "application/json", body: answer.page)
      })
  }
}
