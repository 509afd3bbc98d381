package import FoundationEssentials
import ServiceLifecycle

/// Reports `started` once and `uptime_in_ms` and the runtime gauges every ten seconds, as a service.
package struct UptimeReporter: Service {
  private let metrics: Metrics
  private let time: any TimeSource
  private let labels: [MetricLabel]
  private let start: Date

  /// - Parameters:
  ///   - labels: of `started`: `version`, `trust_domain_id`.
  ///   - start: when the daemon started.
  package init(metrics: Metrics, time: any TimeSource, labels: [MetricLabel], start: Date) {
    self.metrics = metrics
    self.time = time
    self.labels = labels
    self.start = start
  }

  package func run() async throws {
    metrics.setGauge(["started"], to: 1, labels: labels)
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        report()
        do { try await time.sleep(for: .seconds(10)) } catch { return }
      }
    }
  }

  func report() {
    metrics.setGauge(["uptime_in_ms"], to: time.now.timeIntervalSince(start) * 1000)
    if let bytes = ProcessMetrics.residentBytes { metrics.setGauge(["runtime", "sys_bytes"], to: bytes) }
    if let threads = ProcessMetrics.threads { metrics.setGauge(["runtime", "num_threads"], to: Double(threads)) }
  }
}
