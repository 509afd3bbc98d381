import Daemon

/// Measures how long a subscriber waits for its first SVID (agent-behaviour §18). The stream's own value.
struct FirstUpdateLatency {
  private let metrics: Metrics
  private let start = ContinuousClock.now
  private var isOver = false

  init(_ metrics: Metrics) { self.metrics = metrics }

  mutating func note(_ update: WorkloadUpdate) {
    guard !isOver, !update.identities.isEmpty else { return }
    isOver = true
    metrics.addSample(
      ["delegated_identity_api", "subscribe_x509_svids", "first_update", "elapsed_time"],
      start.duration(to: .now).seconds * 1000)
  }
}
