import Daemon
import FoundationEssentials
import Logging
import SPIFFE

/// Identities that go to somebody else than their workload: what the delegated identity API and the broker API share.
extension WorkloadCacheStore {
  /// Has X509-SVIDs sent that may be handed out, now and after each change. Administrators' and downstream servers' are
  /// not among them.
  ///
  /// - Parameter check: asked before each update; throws what the call ends with.
  func sendIdentities(
    _ selectors: Set<Selector>, _ latency: FirstUpdateLatency, check: @Sendable () throws -> Void,
    to send: @Sendable (WorkloadUpdate, [WorkloadIdentity]) async throws -> Void
  ) async throws {
    try await withSubscription(selectors) { updates in
      var latency = latency
      for await update in updates {
        latency.note(update)
        try check()
        try await send(update, update.identities.filter { Delegates.mayHandOut($0.entry) })
      }
      throw WorkloadAPI.ended
    }
  }
}

extension [WorkloadIdentity] {
  /// Records, one by one, what is sent.
  func logSent(_ message: Logger.Message, _ time: any TimeSource, _ logger: Logger, _ fields: Logger.Metadata = [:]) {
    for identity in self {
      let own: Logger.Metadata = [
        "count": .stringConvertible(count), "spiffe_id": "\(identity.svid.id)",
        "ttl": "\(GoText.float(identity.svid.notAfter.timeIntervalSince(time.now)))",
      ]
      logger.debug(message, metadata: own.merging(fields) { $1 })
    }
  }
}
