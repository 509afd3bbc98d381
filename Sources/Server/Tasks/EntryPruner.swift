package import Daemon
package import DatastoreAPI
import FoundationEssentials
package import Logging
import ServiceLifecycle

/// Removes registration entries that have expired: every five minutes (server-behaviour §6.1). A service of its own.
package struct EntryPruner: Service {
  static let interval = Duration.seconds(300)

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
      let pruned = try await metrics.call(["registration_entry", "manager", "prune"]) {
        try await datastore.pruneEntries(expiredBefore: now)
      }
      for entry in pruned {
        metrics.setGauge(["entry", "deleted"], to: 1)
        logger.info(
          "Pruned an expired registration",
          metadata: ["spiffe_id": "\(entry.spiffeID)", "parent_id": "\(entry.parentID)", "entry_id": "\(entry.id)"])
      }
    } catch {
      logger.error("Failed pruning registration entries", metadata: ["error": "\(error)"])
    }
  }
}
