package import Daemon
package import DatastoreAPI
import FoundationEssentials
package import SPIFFE
import Synchronization

/// The bundles that handshakes and agents ask for, at most a second old (server-behaviour §7.3), and never older than
/// this process's own last change of the bundle. Parsed verifiers are kept beside them. Any thread; a mutex guards it.
///
/// While the datastore cannot be read, the last known bundles hold: an outage of the database takes no identity away. One
/// caller at a time then tries whether it is back, and nobody else waits for that, nor for a database that hangs.
package final class BundleCache: Sendable {
  /// The most trust domains that are kept: peers choose the name.
  private static let capacity = 256
  private static let lifetime = 1.0
  /// How long a read may take before others no longer join it.
  private static let patience = 0.25

  fileprivate struct State {
    var items: [TrustDomain: Item] = [:]
    /// Grows with each change that was heard of.
    var generation: UInt64 = 0
    /// Whether the last read failed.
    var isFailing = false
    /// Reads under way, and since when none of them has come back.
    var readers = 0
    var silentSince: Date?
  }

  fileprivate struct Item {
    let bundle: Bundle?
    let verifier: X509SVIDVerifier?
    /// When it was read, or when reading it anew failed last.
    var checkedAt: Date
    /// Not to be used if it can be read anew.
    var isExpired = false
  }

  private enum Plan {
    case use(Item)
    /// To be read; if that fails, this one holds.
    case read(fallback: Item?, generation: UInt64)
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
    switch plan(domain) {
    case .use(let item): return item
    case .read(let fallback, let generation):
      do {
        let bundle = try await datastore.fetchBundle(of: domain)
        return keep(bundle, of: domain, generation)
      } catch {
        guard let item = failed(domain, fallback) else { throw error }
        return item
      }
    }
  }

  private func plan(_ domain: TrustDomain) -> Plan {
    let now = time.now
    return state.withLock { state in
      forgetChanged(&state)
      let item = state.items[domain]
      if let item {
        let isFresh = abs(now.timeIntervalSince(item.checkedAt)) < Self.lifetime
        if isFresh, !item.isExpired || state.isFailing { return .use(item) }
        if state.isFailing, state.readers > 0 { return .use(item) }
        if let since = state.silentSince, abs(now.timeIntervalSince(since)) > Self.patience { return .use(item) }
      }
      state.readers += 1
      if state.silentSince == nil { state.silentSince = now }
      return .read(fallback: item, generation: state.generation)
    }
  }

  private func keep(_ bundle: Bundle?, of domain: TrustDomain, _ generation: UInt64) -> Item {
    let now = time.now
    return state.withLock { state in
      state.isFailing = false
      state.readEnded(now)
      // The parsed authorities are kept as long as the bundle stays the same.
      let old = state.items[domain]
      let verifier = old?.bundle == bundle ? old?.verifier : bundle.map { X509SVIDVerifier(bundle: $0) }
      let item = Item(bundle: bundle, verifier: verifier, checkedAt: now)
      forgetChanged(&state)
      // What was read before a change must not outlive it.
      guard state.generation == generation else { return item }
      if state.items.count >= Self.capacity { state.items = [:] }
      state.items[domain] = item
      return item
    }
  }

  /// The item that holds while the datastore cannot be read. It is looked at again in a second.
  private func failed(_ domain: TrustDomain, _ fallback: Item?) -> Item? {
    let now = time.now
    return state.withLock { state in
      state.isFailing = true
      state.readEnded(now)
      forgetChanged(&state)
      // Not one that this process has changed meanwhile: what it acknowledged holds.
      guard fallback != nil, var item = state.items[domain] else { return nil }
      item.checkedAt = now
      state.items[domain] = item
      return item
    }
  }

  private func forgetChanged(_ state: inout State) {
    guard let changes = subscription.pending(), changes.everything || !changes.bundles.isEmpty else { return }
    state.generation += 1
    if changes.everything {
      // Perhaps changed: a commit whose outcome nobody knows, or more changes than were listed.
      for domain in state.items.keys { state.items[domain]?.isExpired = true }
    }
    for domain in changes.bundles { state.items[domain] = nil }
  }
}

extension BundleCache.State {
  /// A read came back, with or without a bundle.
  fileprivate mutating func readEnded(_ now: Date) {
    readers -= 1
    silentSince = readers > 0 ? now : nil
  }
}
