package import Daemon
package import DatastoreAPI
import FoundationEssentials
package import Logging
import ServiceLifecycle

/// Removes old rows of the event tables (server-behaviour §6.7): those older than `prune_events_older_than`, every half
/// of that time, in small transactions. A service of its own.
package struct EventPruner: Service {
  private let age: Duration
  private let datastore: any EventStore
  private let time: any TimeSource
  private let logger: Logger

  package init(olderThan age: Duration, datastore: any EventStore, time: any TimeSource, logger: Logger) {
    self.age = age
    self.datastore = datastore
    self.time = time
    self.logger = logger
  }

  package func run() async throws {
    let half = age / 2
    try await repeating(every: { half }, time: time) { await prune() }
    logger.debug("Stopping event pruner")
  }

  package func prune() async {
    let limit = time.now.addingTimeInterval(-age.seconds)
    do {
      for table in EventTable.allCases {
        let count = try await datastore.pruneEvents(table, before: limit)
        if count > 0 {
          logger.debug("Pruned events", metadata: ["table": "\(table.rawValue)", "count": .stringConvertible(count)])
        }
      }
    } catch {
      logger.error("Failed to prune events", metadata: ["error": "\(error)"])
    }
  }
}
