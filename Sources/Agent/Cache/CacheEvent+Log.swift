import Daemon
import Logging

extension CacheEvent {
  /// Writes the event as upstream does.
  func log(to logger: Logger) {
    switch self {
    case .bundleAdded(let domain): logger.debug("Bundle added", metadata: ["trust_domain_id": "\(domain)"])
    case .bundleUpdated(let domain): logger.debug("Bundle updated", metadata: ["trust_domain_id": "\(domain)"])
    case .bundleRemoved(let domain): logger.debug("Bundle removed", metadata: ["trust_domain_id": "\(domain)"])
    case .entryCreated(let entry):
      logger.debug("Entry created", metadata: Self.fields(entry).merging(Self.differences(entry, nil)) { $1 })
    case .entryUpdated(let entry, let before):
      logger.debug("Entry updated", metadata: Self.fields(entry).merging(Self.differences(entry, before)) { $1 })
    case .entryRemoved(let entry): logger.debug("Entry removed", metadata: Self.fields(entry))
    case .svidUpdated(let entry): logger.debug("SVID updated", metadata: Self.fields(entry))
    }
  }

  /// Counts what happened to entries.
  func count(in metrics: Metrics) {
    switch self {
    case .entryCreated: metrics.incrementCounter(["lru_cache_entry_add"])
    case .entryUpdated: metrics.incrementCounter(["lru_cache_entry_update"])
    case .entryRemoved: metrics.incrementCounter(["lru_cache_entry_remove"])
    case .bundleAdded, .bundleUpdated, .bundleRemoved, .svidUpdated: break
    }
  }

  private static func fields(_ entry: AgentEntry) -> Logger.Metadata {
    ["entry": "\(entry.id)", "spiffe_id": "\(entry.spiffeID)"]
  }

  private static func differences(_ entry: AgentEntry, _ before: AgentEntry?) -> Logger.Metadata {
    let selectors = Set(entry.selectors)
    let oldSelectors = Set(before?.selectors ?? [])
    let domains = Set(entry.federatesWith)
    let oldDomains = Set(before?.federatesWith ?? [])
    let counts = [
      "selectors_added": selectors.subtracting(oldSelectors).count,
      "selectors_removed": oldSelectors.subtracting(selectors).count,
      "fed_add": domains.subtracting(oldDomains).count,
      "fed_rem": oldDomains.subtracting(domains).count,
    ]
    return counts.filter { $0.value > 0 }.mapValues { "\($0)" }
  }
}
