import Daemon
import DatastoreAPI
import FoundationEssentials
import SPIFFE
import Synchronization

/// The bundles for watch streams: each is read once after a change, however many agents are to be told, and never before
/// it. Any thread; a mutex guards it and is not held while the datastore is asked.
final class WatchBundles: Sendable {
  private static let lifetime = 1.0

  private struct State {
    var items: [TrustDomain: (bundle: Bundle?, readAt: Date)] = [:]
    var generation: UInt64 = 0
  }
  private let state = Mutex(State())
  private let turn = PollTurn()
  private let datastore: any BundleStore
  private let time: any TimeSource

  init(datastore: any BundleStore, time: any TimeSource) {
    self.datastore = datastore
    self.time = time
  }

  /// These bundles were changed; nil: any may have been.
  func changed(_ domains: Set<TrustDomain>?) {
    state.withLock { state in
      state.generation += 1
      if let domains { for domain in domains { state.items[domain] = nil } } else { state.items = [:] }
    }
  }

  /// The bundle of a trust domain; nil when there is none.
  func bundle(of domain: TrustDomain) async throws -> Bundle? {
    if let known = known(domain) { return known.bundle }
    let result: Result<Bundle?, any Error> = await turn.take {
      // Somebody else may have read it while we waited.
      if let known = self.known(domain) { return .success(known.bundle) }
      let generation = self.state.withLock(\.generation)
      do {
        let bundle = try await self.datastore.fetchBundle(of: domain)
        self.state.withLock { state in
          guard state.generation == generation else { return }
          state.items[domain] = (bundle, self.time.now)
        }
        return .success(bundle)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private func known(_ domain: TrustDomain) -> (bundle: Bundle?, readAt: Date)? {
    state.withLock { state in
      guard let item = state.items[domain], abs(time.now.timeIntervalSince(item.readAt)) < Self.lifetime else {
        return nil
      }
      return item
    }
  }
}
