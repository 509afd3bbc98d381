package import Daemon
package import DatastoreAPI
import FoundationEssentials
package import Logging
import ServiceLifecycle

/// Removes registration entries that have expired: every five minutes (server-behaviour §6.1), in small transactions. A
/// service of its own.
package struct EntryPruner: Service {
  static let interval = Duration.seconds(300)
  /// The most entries of a transaction: others write in between.
  static let batchSize = 100

  private let datastore: any EntryStore
  private let time: any TimeSource
  private let metrics: Metrics
  private let logger: Logger

  package init(datastore: any EntryStore, time: any TimeSource, metrics: Metrics, logger: Logger) {
    self.datastore = datastore
    self.time = time
    self.metrics = metrics
    self.logger = logger
  }

  package func run() async throws {
    try await repeating(every: { Self.interval }, time: time) { await prune() }
  }

  package func prune() async {
    let now = Int64(time.now.timeIntervalSince1970)
    do {
      try await metrics.call(["registration_entry", "manager", "prune"]) {
        while !Task.isCancelled {
          let pruned = try await datastore.pruneEntries(expiredBefore: now, limit: Self.batchSize)
          report(pruned)
          if pruned.count < Self.batchSize { return }
          await Task.yield()
        }
      }
    } catch {
      logger.error("Failed pruning registration entries", metadata: ["error": "\(error)"])
    }
  }

  private func report(_ entries: [RegistrationEntry]) {
    for entry in entries {
      metrics.setGauge(["entry", "deleted"], to: 1)
      logger.info(
        "Pruned an expired registration",
        metadata: ["spiffe_id": "\(entry.spiffeID)", "parent_id": "\(entry.parentID)", "entry_id": "\(entry.id)"])
    }
  }
}
