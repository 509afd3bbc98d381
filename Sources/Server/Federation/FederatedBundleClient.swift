package import Daemon
package import DatastoreAPI
import FoundationEssentials
package import Logging
package import SPIFFE
import ServiceLifecycle
import Synchronization

/// Keeps the bundles of federated trust domains up to date: the client side of federation (server-behaviour §9.2).
///
/// A service: polls each trust domain's endpoint when its bundle's hint says so; relationships come from the
/// configuration and the datastore, of two for one trust domain the configuration's counts. API methods call
/// ``refresh(_:)`` from any task. A mutex guards the schedule and is never held while anything waits.
package final class FederatedBundleClient: Service {
  private let trustDomain: TrustDomain
  private let configured: [FederationRelationship]
  private let datastore: any Datastore
  private let endpoint: any BundleEndpoint
  private let subscription: ChangeSubscription
  private let time: any TimeSource
  private let metrics: Metrics
  private let logger: Logger
  private let schedule = Mutex(FederationSchedule())
  private let jitter: @Sendable () -> Double

  /// - Parameters:
  ///   - configured: the relationships of `federation.federates_with`.
  ///   - logger: with the subsystem `bundle_client`.
  ///   - jitter: what each wait is multiplied by. A little less than one: servers that were started together do not ask
  ///     together, and no bundle waits longer than its hint allows.
  package init(
    trustDomain: TrustDomain, configured: [FederationRelationship] = [], datastore: any Datastore,
    endpoint: any BundleEndpoint, time: any TimeSource, metrics: Metrics = .none, logger: Logger,
    jitter: @escaping @Sendable () -> Double = { Double.random(in: 0.9...1) }
  ) {
    self.trustDomain = trustDomain
    self.configured = configured
    self.datastore = datastore
    self.endpoint = endpoint
    self.time = time
    self.metrics = metrics
    self.logger = logger
    self.jitter = jitter
    subscription = datastore.changes.subscribe()
  }

  // MARK: Life

  package func run() async throws {
    await cancelWhenGracefulShutdown { await self.follow() }
    for domain in schedule.withLock(\.trustDomains) {
      logger.info("No longer polling for updates", metadata: ["trust_domain": "\(domain)"])
    }
    logger.info("Shutting down")
  }

  private func follow() async {
    await withDiscardingTaskGroup { group in
      let interval = FederationSchedule.reloadInterval
      var reloadedAt: Date?
      while !Task.isCancelled {
        // Either way: a clock that was set back must not stop the reading.
        if reloadedAt.map({ abs(time.now.timeIntervalSince($0)) >= interval.seconds }) ?? true {
          await reload()
          reloadedAt = time.now
        }
        for relationship in schedule.withLock({ $0.takeDue(at: time.now) }) {
          group.addTask { await self.poll(relationship) }
        }
        let untilDue = schedule.withLock(\.nextDue)?.timeIntervalSince(time.now) ?? interval.seconds
        let wait = Duration.seconds(min(max(untilDue, 0.001), interval.seconds))
        if await relationshipsChange(within: wait) { reloadedAt = nil }
      }
      group.cancelAll()
    }
  }

  /// Waits for a time, or until somebody writes a federation relationship; says whether that was it.
  private func relationshipsChange(within wait: Duration) async -> Bool {
    await withTaskGroup(of: DatastoreChanges?.self) { group in
      group.addTask { await self.subscription.next() }
      group.addTask {
        try? await self.time.sleep(for: wait)
        return nil
      }
      var changes = DatastoreChanges()
      // Both are heard out: a change that comes while the other one ends must not be lost.
      for await result in group {
        group.cancelAll()
        if let result { changes.merge(result, limit: ChangeSubscription.limit) }
      }
      return changes.everything || changes.federationRelationships
    }
  }

  /// Reads the relationships of the moment.
  private func reload() async {
    let stored: [FederationRelationship]
    do {
      stored = try await datastore.listFederationRelationships()
    } catch {
      logger.error("Failed to reload configs", metadata: ["error": "\(error)"])
      return
    }
    var merged: [TrustDomain: FederationRelationship] = [:]
    for relationship in stored + configured where relationship.trustDomain != trustDomain {
      merged[relationship.trustDomain] = relationship
    }
    let changes = schedule.withLock {
      $0.configure(merged.values.sorted { $0.trustDomain.name < $1.trustDomain.name }, now: time.now)
    }
    for relationship in changes.added {
      logger.info("Trust domain is now managed", metadata: Self.fields(relationship))
    }
    for relationship in changes.updated {
      logger.info("Updated configuration for managed trust domain", metadata: Self.fields(relationship))
    }
    for domain in changes.removed {
      logger.info("Trust domain no longer managed", metadata: ["trust_domain": "\(domain)"])
    }
  }

  private static func fields(_ relationship: FederationRelationship) -> Logger.Metadata {
    var fields: Logger.Metadata = [
      "trust_domain": "\(relationship.trustDomain)", "bundle_endpoint_url": "\(relationship.bundleEndpointURL)",
      "bundle_endpoint_profile": "\(relationship.profile.name)",
    ]
    if case .httpsSPIFFE(let id) = relationship.profile { fields["endpoint_spiffe_id"] = "\(id)" }
    return fields
  }

  // MARK: Polls

  private func poll(_ relationship: FederationRelationship) async {
    let logger = logger.with(["trust_domain": "\(relationship.trustDomain)"])
    logger.debug("Polling for bundle update")
    let outcome = await update(relationship)
    if Task.isCancelled { return }
    if let error = outcome.error {
      logger.error("Error updating bundle", metadata: ["error": "\(error)"])
    } else if outcome.isChanged {
      logger.info("Bundle refreshed")
    }
    let now = time.now
    let next = now.addingTimeInterval(FederationSchedule.wait(after: outcome.bundle).seconds * jitter())
    schedule.withLock { $0.finished(relationship.trustDomain, next: next, now: now) }
    logger.debug("Scheduling next bundle refresh", metadata: ["at": "\(GoTime.rfc3339(next))"])
  }

  /// Polls a trust domain's endpoint now, for an operator.
  ///
  /// - Parameter force: takes the bundle also if its sequence number is older than the stored one's.
  /// - Returns: false if there is no relationship with it.
  /// - Throws: ``FederationError``.
  package func refresh(_ domain: TrustDomain, force: Bool = false) async throws(FederationError) -> Bool {
    var known = configured.first { $0.trustDomain == domain }
    if known == nil, domain != trustDomain {
      do {
        known = try await datastore.fetchFederationRelationship(with: domain)
      } catch {
        throw FederationError(.datastore, "failed to fetch federation relationship: \(error.message)", cause: error)
      }
    }
    guard let known else { return false }
    if let error = await update(known, force: force).error { throw error }
    return true
  }

  private struct Outcome {
    /// What the wait for the next poll is counted from: the fetched bundle if it is new, else the stored one.
    var bundle: Bundle?
    var isChanged = false
    var error: FederationError?
  }

  private func update(_ relationship: FederationRelationship, force: Bool = false) async -> Outcome {
    let labels = [MetricLabel("trust_domain_id", relationship.trustDomain.name)]
    let counter = metrics.startCall(["bundle_manager", "fetch", "federated_bundle"], labels: labels)
    var outcome = Outcome()
    do throws(FederationError) {
      let stored = try await bundle(of: relationship.trustDomain)
      outcome.bundle = stored
      var authorities: Bundle?
      if case .httpsSPIFFE(let id) = relationship.profile {
        let domain = id.trustDomain
        authorities = domain == relationship.trustDomain ? stored : try await bundle(of: domain)
        guard authorities != nil else {
          throw FederationError(
            .unauthenticated, "can't perform SPIFFE Authentication: local copy of bundle not found")
        }
      }
      let fetched: Bundle
      do {
        fetched = try await endpoint.fetch(relationship, authorities: authorities)
      } catch {
        throw error.prefixed("failed to fetch federated bundle from endpoint")
      }
      if Self.differ(stored, fetched), try await store(fetched, from: relationship, force: force) {
        outcome.bundle = fetched
        outcome.isChanged = true
        metrics.incrementCounter(["bundle_manager", "update", "federated_bundle"], labels: labels)
      }
      counter.done()
    } catch {
      outcome.error = error
      counter.done(error: error)
      if error.code.isRefusal {
        let reason = MetricLabel("reason", error.code.rawValue)
        metrics.incrementCounter(["bundle_manager", "refuse", "federated_bundle"], labels: labels + [reason])
      }
    }
    return outcome
  }

  private func bundle(of domain: TrustDomain) async throws(FederationError) -> Bundle? {
    do {
      return try await datastore.fetchBundle(of: domain)
    } catch {
      throw FederationError(.datastore, "failed to fetch local federated bundle: \(error.message)", cause: error)
    }
  }

  /// Stores a fetched bundle, unless the relationship is no longer what it was when the poll began.
  ///
  /// - Throws: ``FederationError`` `outdated` when the stored one is newer.
  private func store(
    _ bundle: Bundle, from relationship: FederationRelationship, force: Bool
  ) async throws(FederationError) -> Bool {
    guard bundle.trustDomain == relationship.trustDomain, bundle.trustDomain != trustDomain else { return false }
    let newer: UInt64?
    do throws(DatastoreError) {
      if !configured.contains(where: { $0.trustDomain == relationship.trustDomain }) {
        guard var now = try await datastore.fetchFederationRelationship(with: relationship.trustDomain) else {
          return false
        }
        now.bundle = relationship.bundle
        guard now == relationship else { return false }
      }
      // Compared where it is stored: another server on the database may fetch at the same moment.
      if force { _ = try await datastore.setBundle(bundle) }
      newer = force ? nil : try await datastore.setFetchedBundle(bundle)
    } catch {
      throw FederationError(.datastore, "failed to store federated bundle: \(error.message)", cause: error)
    }
    guard let newer else { return true }
    // SPIRE: does not read the number and takes whatever was fetched last.
    throw FederationError(
      .outdated,
      "the document's sequence number \(bundle.sequenceNumber) is older than \(newer) of the stored bundle, which stays; "
        + "if \(relationship.trustDomain) did go back, run spire-server federation refresh -force")
  }

  /// Whether the endpoint says anything else than what is stored. Taint and the expiry of keys are not part of a document.
  private static func differ(_ stored: Bundle?, _ fetched: Bundle) -> Bool {
    guard let stored else { return true }
    func keys(_ bundle: Bundle) -> [String: [UInt8]] {
      Dictionary((bundle.jwtAuthorities + bundle.witAuthorities).map { ($0.keyID, $0.publicKey) }) { $1 }
    }
    return stored.refreshHint != fetched.refreshHint || stored.sequenceNumber != fetched.sequenceNumber
      || stored.x509Authorities.map(\.der) != fetched.x509Authorities.map(\.der) || keys(stored) != keys(fetched)
  }
}
