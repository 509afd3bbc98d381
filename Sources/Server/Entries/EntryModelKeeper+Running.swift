import Daemon
import DatastoreAPI
import Logging
import ServiceLifecycle
import Synchronization

/// The keeper's life as a service, and what it tells operators.
extension EntryModelKeeper {
  /// Looks at the event tables once per interval, and when the database says that there is something, until the server
  /// stops.
  package func run() async throws {
    let hints = WakeSignal()
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.datastore.listenForCommits { hints.raise() } }
        while !Task.isCancelled {
          do { try await hints.wait(atMost: self.interval, time: self.time) } catch { break }
          await self.poll()
        }
        group.cancelAll()
      }
    }
    logger.debug("Stopping in-memory entry cache hydrator")
  }

  /// Said once, not at each of the rounds of an outage.
  func failed(_ error: any Error) {
    let failures = state.withLock { state in
      state.failures += 1
      return state.failures
    }
    if failures == 1 || failures.isMultiple(of: 60) {
      logger.error(
        "Failed to reload entry cache", metadata: ["error": "\(error)", "attempts": .stringConvertible(failures)])
    }
  }

  func succeeded() {
    let failures = state.withLock { state in
      defer { state.failures = 0 }
      return state.failures
    }
    if failures > 0 {
      logger.info(
        "The entry cache follows the datastore again", metadata: ["failed_attempts": .stringConvertible(failures)])
    }
  }

  func reportGauges() {
    let figures: [([String], Int)] = state.withLock { state in
      [
        (["entry", "entries_by_entryid_cache"], state.entries.entryCount),
        (["entry", "nodealiases_by_entryid_cache"], state.entries.aliasCount),
        (["entry", "nodealiases_by_selector_cache"], state.entries.aliasSelectorCount),
        (["entry", "skipped_entry_event_ids"], state.entryCursor.missingCount),
        (["node", "agents_by_id_cache"], state.agents.count),
        (["node", "agents_by_expiresat_cache"], state.agents.count),
        (["node", "skipped_node_event_ids"], state.agentCursor.missingCount),
      ]
    }
    for (key, value) in figures { metrics.setGauge(key + ["count"], to: Double(value)) }
  }
}
