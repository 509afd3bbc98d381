package import Daemon
package import DatastoreAPI
import FoundationEssentials
package import SPIFFE
import Synchronization

/// The bundles that handshakes and GetBundle ask for, at most a second old (server-behaviour §7.3), and never older than
/// this process's own last change of the bundle. Parsed verifiers are kept beside them. Any thread; a mutex guards it.
package final class BundleCache: Sendable {
  /// The most trust domains that are kept: peers choose the name.
  private static let capacity = 256
  private static let lifetime = 1.0

  private struct State {
    var items: [TrustDomain: Item] = [:]
    /// Grows with each change that was heard of.
    var generation: UInt64 = 0
  }

  private struct Item {
    let bundle: Bundle?
    let verifier: X509SVIDVerifier?
    let fetchedAt: Date
  }

  private let datastore: any BundleStore
  private let subscription: ChangeSubscription
  private let time: any TimeSource
  private let state = Mutex(State())

  package init(datastore: any Datastore, time: any TimeSource) {
    self.datastore = datastore
    self.time = time
    subscription = datastore.changes.subscribe()
  }

  package func bundle(of domain: TrustDomain) async throws -> Bundle? { try await item(domain).bundle }

  /// A verifier for SVIDs of `domain`; nil when there is no bundle for it.
  package func verifier(for domain: TrustDomain) async throws -> X509SVIDVerifier? { try await item(domain).verifier }

  private func item(_ domain: TrustDomain) async throws -> Item {
    let now = time.now
    let (known, generation) = state.withLock { state -> (Item?, UInt64) in
      forgetChanged(&state)
      guard let item = state.items[domain], abs(now.timeIntervalSince(item.fetchedAt)) < Self.lifetime else {
        return (nil, state.generation)
      }
      return (item, state.generation)
    }
    if let known { return known }
    let bundle = try await datastore.fetchBundle(of: domain)
    return state.withLock { state in
      // The parsed authorities are kept as long as the bundle stays the same.
      let old = state.items[domain]
      let verifier = old?.bundle == bundle ? old?.verifier : bundle.map { X509SVIDVerifier(bundle: $0) }
      let item = Item(bundle: bundle, verifier: verifier, fetchedAt: now)
      forgetChanged(&state)
      // What was read before a change must not outlive it.
      guard state.generation == generation else { return item }
      if state.items.count >= Self.capacity { state.items = [:] }
      state.items[domain] = item
      return item
    }
  }

  private func forgetChanged(_ state: inout State) {
    guard let changes = subscription.pending(), changes.everything || !changes.bundles.isEmpty else { return }
    state.generation += 1
    if changes.everything { state.items = [:] }
    for domain in changes.bundles { state.items[domain] = nil }
  }
}
