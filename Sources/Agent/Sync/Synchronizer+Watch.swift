import Daemon
import FoundationEssentials
import Logging
import SPIFFE

/// What the server tells on a watch stream goes the same way to the cache as what a sync brings.
extension Synchronizer {
  /// What a message was good for.
  package struct WatchOutcome: Sendable {
    package var answer: WatchRequest?
    /// A workload waits for an SVID because of it.
    package var isUrgent = false
    /// Over how long SVIDs that nobody waits for are asked for.
    package var spread: Duration = .zero
  }

  /// A watch stream is opened, on which `outbox` leads to the server: how it begins.
  package func beginWatch(_ outbox: WatchOutbox) -> WatchRequest {
    self.outbox = outbox
    reportedTainted = nil
    return .begin(watch.begin())
  }

  /// The watch stream ended.
  package func endWatch() {
    outbox = nil
    watch.end()
    metrics.setGauge(["watch", "open"], to: 0)
  }

  /// Whether the server tells of changes at once, and everything so far was taken over.
  package var isWatching: Bool { watch.isCurrent }

  /// The server instance and revision whose changes were applied last.
  package var watchPosition: WatchPosition? { watch.position }

  /// Takes in one message of the server.
  package func receive(_ message: WatchMessage) async throws(AgentError) -> WatchOutcome {
    let (step, answer) = try watch.receive(message, entries: entries)
    var outcome = WatchOutcome(answer: answer)
    switch step {
    case .nothing:
      // A sync that broke off may have left the cache behind the entries that were compared.
      if case .state = message, !watch.isInDoubt { outcome.isUrgent = replaceAll() }
    case .apply(let changes):
      outcome.isUrgent = try await apply(changes)
      outcome.spread = changes.spread
    case .replace(let sync):
      finish(sync)
      outcome.isUrgent = replaceAll()
    }
    // Before the answer: it says that the server's bundle was applied.
    reportTainted()
    // Whoever speaks with us keeps us up to date.
    lastSync = time.now
    metrics.setGauge(["watch", "open"], to: 1)
    if let position = watch.position { metrics.setGauge(["watch", "revision"], to: Double(position.revision)) }
    return outcome
  }

  /// Makes the cache have the entries; whether a workload waits for an SVID because of it.
  private func replaceAll() -> Bool {
    let (changed, urgent) = cache.replace(entries: entries.values)
    updateStores()
    if changed { metrics.incrementCounter(["watch", "changes"]) }
    return urgent
  }

  private func apply(_ changes: WatchChanges) async throws(AgentError) -> Bool {
    let domain = identity.svid.id.trustDomain
    for warning in changes.entries.malformed {
      logger.warning("Received malformed entry", metadata: ["error": "\(warning)"])
    }
    for warning in changes.malformedBundles {
      logger.warning("Received malformed bundle", metadata: ["error": "\(warning)"])
    }
    var touchesFederation = !changes.bundles.isEmpty || !changes.removedBundles.isEmpty
    for entry in changes.entries.entries {
      touchesFederation = touchesFederation || entries[entry.id]?.federatesWith.isEmpty == false
      entries[entry.id] = entry
    }
    for id in changes.removed {
      touchesFederation = touchesFederation || entries[id]?.federatesWith.isEmpty == false
      entries[id] = nil
    }
    var needsReplacement = false
    if let own = changes.bundles.first(where: { $0.trustDomain == domain }) {
      try await takeOver(own)
      needsReplacement = processTaintedAuthorities(of: own)
    }
    for bundle in changes.bundles where bundle.trustDomain != domain { federated[bundle.trustDomain] = bundle }
    for domain in changes.removedBundles { federated[domain] = nil }
    // A bundle comes before the entries that need it, so it is let go only when entries went.
    if touchesFederation, !changes.more, changes.bundles.isEmpty {
      let needed = Set(entries.values.flatMap(\.federatesWith))
      federated = federated.filter { needed.contains($0.key) }
    }
    let (changed, urgent) = cache.change(
      entries: changes.entries.entries, removed: changes.removed, bundle: identity.bundle,
      federated: federated.values.sorted { $0.trustDomain < $1.trustDomain })
    updateStores()
    if changed { metrics.incrementCounter(["watch", "changes"]) }
    return urgent || needsReplacement
  }

  /// A sync changed something while a stream is open: whether that was right, the stream's server knows.
  func checkWatch() {
    watch.doubt()
    do throws(AgentError) { try outbox?.send(.check) } catch {
      logger.debug("Could not check the watch stream", metadata: ["error": "\(error.message)"])
    }
  }
}
