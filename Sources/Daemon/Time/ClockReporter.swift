import FoundationEssentials
package import Logging
import ServiceLifecycle

/// Says in the log that somebody set the wall clock while the daemon ran, and by how much: what expires too early or is
/// not valid yet is then explained. A service; it changes nothing.
package struct ClockReporter: Service {
  /// A smaller step is the business of NTP.
  package static let tolerance = 30.0
  static let interval = Duration.seconds(5)

  private let time: any TimeSource
  private let elapsed: @Sendable () -> Duration
  private let logger: Logger

  /// - Parameter elapsed: monotonic time, from any point on.
  package init(time: any TimeSource, logger: Logger, elapsed: (@Sendable () -> Duration)? = nil) {
    let start = ContinuousClock.now
    self.time = time
    self.elapsed = elapsed ?? { start.duration(to: .now) }
    self.logger = logger
  }

  package func run() async throws {
    await cancelWhenGracefulShutdown {
      var wall = time.now
      var monotonic = elapsed()
      while !Task.isCancelled {
        do { try await time.sleep(for: Self.interval) } catch { return }
        let (nowWall, nowMonotonic) = (time.now, elapsed())
        let expected = wall.addingTimeInterval((nowMonotonic - monotonic).seconds)
        let step = nowWall.timeIntervalSince(expected)
        if abs(step) > Self.tolerance { report(step, from: expected, to: nowWall) }
        (wall, monotonic) = (nowWall, nowMonotonic)
      }
    }
  }

  private func report(_ step: Double, from: Date, to: Date) {
    logger.warning(
      """
      System clock was set \(step > 0 ? "forward" : "back"); certificates and tokens are judged by it, so make sure \
      that it is right now
      """,
      metadata: [
        "by": "\(GoDuration.format(.seconds(Int64(abs(step).rounded()))))", "from": "\(GoTime.rfc3339(from))",
        "to": "\(GoTime.rfc3339(to))",
      ])
  }
}
