package import Daemon
import FoundationEssentials
package import Logging

/// Repeats a step of the start until it succeeds, is refused for good, or the time is used up (agent-behaviour §3, §6).
package struct StartRetry: Sendable {
  package static let budget: Duration = .seconds(60)

  let time: any TimeSource
  let random: Randomness
  let logger: Logger

  package init(time: any TimeSource, random: Randomness, logger: Logger) {
    self.time = time
    self.random = random
    self.logger = logger
  }

  /// - Parameters:
  ///   - message: what the log says about a failed attempt.
  ///   - stopsOnRefusal: whether PermissionDenied ends it at once.
  ///   - budget: how long it is repeated.
  package func run<T>(
    _ message: String, stopsOnRefusal: Bool = true, budget: Duration = StartRetry.budget,
    isolation: isolated (any Actor)? = #isolation,
    _ attempt: () async throws -> T
  ) async throws -> T {
    var backoff = RetryBackoff(initial: .seconds(5), maximum: .seconds(120))
    let start = time.steady
    while true {
      do { return try await attempt() } catch {
        if error is CancellationError { throw error }
        let failure = AgentError.wrapping(error)
        if failure.code == .fatal || failure.code == .storage { throw failure }
        if stopsOnRefusal, failure.code == .permissionDenied { throw failure }
        let wait = backoff.next(random, jitter: RetryBackoff.spread)
        guard time.steady - start + wait < budget else { throw failure }
        logger.error(
          "\(message)", metadata: ["error": "\(failure.message)", "retry_interval": "\(GoDuration.format(wait))"])
        try await time.sleep(for: wait)
      }
    }
  }
}
