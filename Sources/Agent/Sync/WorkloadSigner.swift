package import Daemon
import FoundationEssentials
package import Keys
package import Logging
import SPIFFE

/// Gets a cache's entries their X509-SVIDs (agent-behaviour §6.6). The signing loop of the cache calls it, one pass at a
/// time: the manager's for workloads, ``SVIDStoreService`` for what is stored.
package actor WorkloadSigner {
  /// How long a request that the server refused for its own sake is left alone.
  private static let refusalPause: Duration = .seconds(5)

  private let server: any ServerAPI
  private let cache: any SigningCache
  private let keyType: KeyType
  private let policy: RotationPolicy
  private let time: any TimeSource
  private let random: Randomness
  private let metrics: Metrics
  private let logger: Logger
  private var batchSize = BatchSize()
  private var refused: [String: Date] = [:]
  /// Until when SVIDs that no workload waits for are left unsigned, on the clock that nobody sets.
  private var heldUntil: Duration = .zero

  package init(
    server: any ServerAPI, cache: any SigningCache, keyType: KeyType, policy: RotationPolicy, time: any TimeSource,
    random: Randomness, metrics: Metrics, logger: Logger
  ) {
    self.server = server
    self.cache = cache
    self.keyType = keyType
    self.policy = policy
    self.time = time
    self.random = random
    self.metrics = metrics
    self.logger = logger
  }

  /// Whether the server refused entries a moment ago.
  package var isRefusing: Bool { !refused.isEmpty }

  /// Leaves SVIDs that no workload waits for unsigned for so long: many agents want the same at the same time.
  package func hold(for duration: Duration) { heldUntil = max(heldUntil, time.steady + duration) }

  /// Signs the most urgent batch; true if more is waiting.
  package func pass() async throws -> Bool {
    let now = time.now
    // A refusal from the future is one from before the clock was set back.
    let latest = now.addingTimeInterval(Self.refusalPause.seconds)
    refused = refused.filter { $0.value > now && $0.value <= latest }
    let isHolding = time.steady < heldUntil
    let stale = cache.staleEntries().filter {
      refused[$0.entry.id] == nil && !(isHolding && ($0.reason == .prefetch || $0.reason == .tainted))
    }
    guard let first = stale.first else { return false }
    // Workloads that wait are not held up by keys for those that do not.
    let urgent = first.reason == .wanted ? stale.prefix { $0.reason == .wanted } : stale[...]
    let batch = Array(urgent.prefix(batchSize.current))
    report(stale)
    logger.debug(
      "Renewing stale entries",
      metadata: ["cache_type": "\(cache.signingType)", "count": "\(stale.count)", "limit": "\(BatchSize.maximum)"])
    do {
      try await metrics.call(["manager", "sync", "fetch_svids_updates"]) { try await sign(batch) }
      batchSize.succeeded()
    } catch {
      batchSize.failed()
      throw error
    }
    return stale.count > batch.count
  }

  private func sign(_ batch: [WorkloadCache.StaleEntry]) async throws {
    for item in batch {
      var fields: Logger.Metadata = ["entry_id": "\(item.entry.id)", "spiffe_id": "\(item.entry.spiffeID)"]
      if let expiresAt = item.expiresAt {
        fields["expires_at"] = "\(GoTime.rfc3339(expiresAt, nanos: false))"
        logger.info("Renewing X509-SVID", metadata: fields)
      } else {
        logger.info("Creating X509-SVID", metadata: fields)
      }
    }
    let keys = try await makeKeys(batch.map(\.entry))
    let requests = zip(batch, keys).map { X509SVIDRequest(entryID: $0.entry.id, csr: $1.csr) }
    let results = try await server.newX509SVIDs(requests)
    var svids: [(entryID: String, svid: WorkloadSVID)] = []
    for (index, item) in batch.enumerated() {
      let failure: AgentError
      do throws(AgentError) {
        guard index < results.count else { throw AgentError(.malformed, "the server left out the result") }
        switch results[index] {
        case .issued(let chain):
          let svid = try WorkloadSVID(
            entry: item.entry, chain: chain, publicKey: keys[index].publicKey, privateKey: keys[index].pkcs8,
            policy: policy, random: random)
          if !policy.isFeasible(lifetime: svid.notAfter.timeIntervalSince(svid.notBefore)) {
            logger.warning(
              "X509-SVID lifetime isn't long enough to guarantee the availability_target",
              metadata: ["entry_id": "\(item.entry.id)", "spiffe_id": "\(item.entry.spiffeID)"])
          }
          svids.append((item.entry.id, svid))
          // The server has yet to replace a tainted authority: another try a little later.
          if cache.isTainted(svid) { refused[item.entry.id] = time.now.addingTimeInterval(Self.refusalPause.seconds) }
          continue
        case .refused(let error): failure = error
        }
      } catch { failure = error }
      refused[item.entry.id] = time.now.addingTimeInterval(Self.refusalPause.seconds)
      logger.warning(
        "Failed to sign X509-SVID",
        metadata: [
          "entry_id": "\(item.entry.id)", "spiffe_id": "\(item.entry.spiffeID)", "error": "\(failure.message)",
          "status_code": "\(failure.statusName)",
        ])
    }
    cache.setSVIDs(svids)
  }

  private func report(_ stale: [WorkloadCache.StaleEntry]) {
    let expiring = stale.count { $0.reason == .due || $0.reason == .tainted }
    let outdated = stale.count { $0.reason == .changed }
    if expiring > 0 { metrics.addSample(["cache_manager", "expiring_svids", cache.signingType], Double(expiring)) }
    if outdated > 0 { metrics.addSample(["cache_manager", "outdated_svids", cache.signingType], Double(outdated)) }
  }

  private struct PreparedKey: Sendable {
    let csr: [UInt8]
    let publicKey: [UInt8]
    let pkcs8: [UInt8]
  }

  /// New keys and requests, in the order of the entries, made beside the cooperative pool in a few portions at once.
  private func makeKeys(_ entries: [AgentEntry]) async throws -> [PreparedKey] {
    let type = keyType
    let portion = max(1, (entries.count + 1) / 2)
    return try await withThrowingTaskGroup(of: (Int, [PreparedKey]).self) { group in
      for start in stride(from: 0, to: entries.count, by: portion) {
        let part = Array(entries[start..<min(start + portion, entries.count)])
        group.addTask {
          let keys = try await BackgroundWork.run {
            try part.map { entry in
              let key = try SoftwareKey(generating: type)
              let csr = try CertificateRequest.makeNow(key: key, id: entry.spiffeID)
              return PreparedKey(csr: csr, publicKey: key.publicKey.pkix, pkcs8: key.pkcs8)
            }
          }
          return (start, keys)
        }
      }
      var portions: [(Int, [PreparedKey])] = []
      for try await made in group { portions.append(made) }
      return portions.sorted { $0.0 < $1.0 }.flatMap(\.1)
    }
  }
}
