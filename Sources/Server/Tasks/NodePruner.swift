package import Daemon
package import DatastoreAPI
import FoundationEssentials
package import Logging
import ServiceLifecycle

/// Removes agents whose SVID ended long ago (server-behaviour §5.5), about once an hour. A service of its own; it is
/// only there when `prune_attested_nodes_expired_for` is set.
package struct NodePruner: Service {
  static let interval = 3600.0
  static let jitter = 900.0

  /// What to remove.
  package struct Rules: Sendable {
    /// `prune_attested_nodes_expired_for`.
    package var expiredFor: Duration
    /// `prune_attested_nodes_batch_size`.
    package var batchSize: Int
    /// `prune_tofu_nodes`.
    package var includesNonReattestable: Bool

    package init(expiredFor: Duration, batchSize: Int = 1000, includesNonReattestable: Bool = false) {
      self.expiredFor = expiredFor
      self.batchSize = batchSize > 0 ? batchSize : 1000
      self.includesNonReattestable = includesNonReattestable
    }
  }

  private let rules: Rules
  private let datastore: any AgentStore
  private let time: any TimeSource
  private let metrics: Metrics
  private let logger: Logger
  private let random: @Sendable (ClosedRange<Double>) -> Double

  package init(
    rules: Rules, datastore: any AgentStore, time: any TimeSource, metrics: Metrics, logger: Logger,
    random: @escaping @Sendable (ClosedRange<Double>) -> Double = { Double.random(in: $0) }
  ) {
    self.rules = rules
    self.datastore = datastore
    self.time = time
    self.metrics = metrics
    self.logger = logger
    self.random = random
  }

  package func run() async throws {
    let random = random
    try await repeating(
      every: { .seconds(Self.interval + random(-Self.jitter...Self.jitter)) }, time: time
    ) { await prune() }
  }

  package func prune() async {
    let limit = Int64(time.now.timeIntervalSince1970 - rules.expiredFor.seconds)
    do {
      try await metrics.call(["node", "manager", "prune"]) {
        while !Task.isCancelled {
          let pruned = try await datastore.pruneAgents(
            expiredBefore: limit, includingNonReattestable: rules.includesNonReattestable, limit: rules.batchSize)
          for agent in pruned {
            logger.info("Pruned an expired agent", metadata: ["spiffe_id": "\(agent.id)"])
          }
          // Small transactions, so that others can write in between.
          if pruned.count < rules.batchSize { return }
          await Task.yield()
        }
      }
    } catch {
      logger.error("Failed pruning attested nodes", metadata: ["error": "\(error)"])
    }
  }
}
