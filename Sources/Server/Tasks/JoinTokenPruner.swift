package import Daemon
package import DatastoreAPI
import FoundationEssentials
package import Logging
import ServiceLifecycle

/// Removes join tokens that expired: every hour, in small transactions. A service of its own. Upstream keeps those that
/// nobody uses.
package struct JoinTokenPruner: Service {
  static let interval = Duration.seconds(3600)
  /// How long an expired token stays, so that an agent that comes too late is told so.
  static let grace = 24.0 * 3600

  private let datastore: any JoinTokenStore
  private let time: any TimeSource
  private let logger: Logger

  package init(datastore: any JoinTokenStore, time: any TimeSource, logger: Logger) {
    self.datastore = datastore
    self.time = time
    self.logger = logger
  }

  package func run() async throws {
    try await repeating(every: { Self.interval }, time: time) { await prune() }
  }

  package func prune() async {
    let limit = Int64(time.now.timeIntervalSince1970 - Self.grace)
    do {
      let count = try await datastore.pruneJoinTokens(expiredBefore: limit)
      if count > 0 { logger.debug("Pruned expired join tokens", metadata: ["count": .stringConvertible(count)]) }
    } catch {
      logger.error("Failed pruning join tokens", metadata: ["error": "\(error)"])
    }
  }
}
