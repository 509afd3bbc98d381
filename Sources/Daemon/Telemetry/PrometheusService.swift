import Logging
import ServiceLifecycle

/// Keeps the Prometheus listener up, as a service of ``Telemetry``. A port that is taken takes no identity from anybody: the
/// daemon runs, and the listener is tried again.
struct PrometheusService: Service {
  private static let pause = Duration.seconds(30)

  let time: any TimeSource
  let logger: Logger
  /// A listener that was not run yet.
  let make: @Sendable () -> HTTPListener

  func run() async throws {
    while !Task.isCancelled, !Task.isShuttingDownGracefully {
      do { return try await make().run() } catch {
        logger.warning("Prometheus listener stopped unexpectedly: \(error)")
      }
      let time = time
      try? await cancelWhenGracefulShutdown { try await time.sleep(for: Self.pause) }
    }
  }
}
