package import AgentPlugins
package import Daemon
import FoundationEssentials
package import Logging
import SPIFFE
import SVIDFiles

/// Hands the SVIDs of entries with `store_svid` to the SVIDStore plugins, and has them deleted when the entries go
/// (agent-behaviour §16). The session runs it beside the Workload API; the state lives in ``SVIDStoreCache``.
package struct SVIDStoreService: Sendable {
  /// A store that does not answer is left alone for a while.
  private static let limit: Duration = .seconds(60)

  private let stores: [any SVIDStore]
  private let cache: SVIDStoreCache
  private let signer: WorkloadSigner
  private let signed: @Sendable () async -> Void
  private let time: any TimeSource
  private let random: Randomness
  private let metrics: Metrics
  private let logger: Logger

  /// - Parameters:
  ///   - signer: signs for `cache` alone.
  ///   - signed: called when nothing is left to sign.
  ///   - logger: with the subsystem `svid_store_service`.
  package init(
    stores: [any SVIDStore], cache: SVIDStoreCache, signer: WorkloadSigner, time: any TimeSource, random: Randomness,
    metrics: Metrics, logger: Logger, signed: @escaping @Sendable () async -> Void = {}
  ) {
    self.stores = stores
    self.cache = cache
    self.signer = signer
    self.time = time
    self.random = random
    self.metrics = metrics
    self.logger = logger
    self.signed = signed
  }

  /// Runs until the task is cancelled.
  package func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await signLoop() }
      for store in stores { group.addTask { try await storeLoop(store) } }
      defer { group.cancelAll() }
      while try await group.next() != nil {}
    }
  }

  /// Signs as soon as an entry needs it, and when SVIDs come of age.
  private func signLoop() async throws {
    var backoff = RetryBackoff(initial: .milliseconds(500), maximum: .seconds(60))
    while true {
      do {
        while try await signer.pass() { try Task.checkCancellation() }
        await signed()
        backoff.reset()
        try await cache.signingNeeded.wait(atMost: idleTime, time)
      } catch {
        try Task.checkCancellation()
        logger.error("Failed to renew X509-SVIDs", metadata: ["error": "\(AgentError.wrapping(error).message)"])
        try await time.sleep(for: backoff.next(random, jitter: RetryBackoff.spread))
      }
    }
  }

  private var idleTime: Duration {
    guard let next = cache.nextRotation else { return .seconds(5) }
    return .milliseconds(Int64(min(5, max(0.05, next.timeIntervalSince(time.now))) * 1000))
  }

  /// Has one store do what is to be done: at once when something changed, and every five seconds what failed.
  private func storeLoop(_ store: any SVIDStore) async throws {
    let bell = cache.bell(of: store.name)
    while true {
      try await pass(store)
      try await bell.wait(atMost: StoredEntries.retryInterval, time)
    }
  }

  /// Everything that one store is to do now.
  package func pass(_ store: any SVIDStore) async throws {
    let jobs = cache.jobs(for: store.name)
    if jobs.isEmpty { return }
    let call = metrics.startCall(["store", "store_svid_updates"])
    defer { call.done() }
    for job in jobs {
      try Task.checkCancellation()
      await perform(job, store)
    }
  }

  private func perform(_ job: StoreJob, _ store: any SVIDStore) async {
    let logger = logger.with([
      "entry": "\(job.entryID)", "spiffe_id": "\(job.spiffeID)", "svid_store": "\(store.name)",
    ])
    let (done, failed): (Logger.Message, Logger.Message)
    switch job.work {
    case .put: (done, failed) = ("SVID stored successfully", "Failed to put X509-SVID")
    case .delete: (done, failed) = ("SVID deleted successfully", "Failed to delete SVID")
    }
    cache.began(job)
    do {
      let late = AgentError(.deadlineExceeded, "svidstore(\(store.name)): no answer in time")
      try await withTimeout(Self.limit, time, late: late) {
        switch job.work {
        case .put(let content): try await store.put(Self.material(content), metadata: job.target.metadata)
        case .delete: try await store.delete(metadata: job.target.metadata)
        }
      }
      cache.ended(job, .settled)
      logger.debug(done)
    } catch let error as AgentPluginError where error.code == .invalidArgument {
      cache.ended(job, .settled, isRefusal: true)
      // An operator's mistake in an entry: said once for each SVID.
      logger.error("\(failed) because of malformed selectors", metadata: ["error": "\(error)"])
    } catch {
      cache.ended(job, .failed)
      if !Task.isCancelled { logger.error(failed, metadata: ["error": "\(error)"]) }
    }
  }

  private static func material(_ content: StoreContent) throws -> X509Material {
    X509Material(
      id: content.svid.id, chain: try X509Certificates.splitDER(content.svid.chain),
      privateKey: content.svid.privateKey, bundle: content.bundle, federatedBundles: content.federated,
      expiresAt: content.svid.notAfter)
  }
}
