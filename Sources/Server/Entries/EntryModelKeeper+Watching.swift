import Daemon
import DatastoreAPI
import RPC
package import SPIFFE
import Synchronization

/// What the keeper does for agents that watch: it knows first what changed.
///
/// The models themselves note what their changes may mean (``ModelEffect``); ``State`` hands that to ``WatchIndex``
/// after each change, whoever made it.
extension EntryModelKeeper {
  /// What one watching agent is to be sent, all of one moment.
  struct WatchBatch {
    let work: WatchState.Work
    let revision: UInt64
    /// Of the changed entries, or of those that the agent fetches, the ones that the agent may serve.
    var entries: [RegistrationEntry] = []
    /// The changed entries that it may not serve.
    var removed: [String] = []
    /// Everything that it may serve, when that is compared or listed.
    var all: [RegistrationEntry] = []
    /// Whose bundles are sent.
    var domains: Set<TrustDomain> = []
  }

  /// Bundles were changed, by this server or by another one; nil: nobody knows which.
  package func bundlesChanged(_ domains: Set<TrustDomain>?) {
    guard domains?.isEmpty != true else { return }
    watchBundles.changed(domains)
    state.withLock { state in
      guard !state.watches.isEmpty else { return }
      guard let domains else { return state.watches.everythingChanged() }
      var below: Set<String> = []
      for parent in state.entries.parents(federatingWith: domains) {
        below.formUnion(state.entries.ancestorPaths(of: parent))
      }
      state.watches.bundlesChanged(domains, below: below)
    }
  }

  /// Names this run of the server.
  var watchInstance: String { state.withLock(\.watches.instance) }

  /// A watch stream begins. Returns its number, for ``endWatch(_:)``, and whether it goes on where another one ended.
  func beginWatch(
    _ watcher: AgentWatcher, instance: String, revision: UInt64
  ) -> (number: UInt64, resumed: Bool) {
    state.withLock { state in
      let roots = state.entries.rootPaths(of: watcher.agent)
      let begun = state.watches.begin(
        watcher, instance: instance, revision: revision, roots: Array(Set(roots)))
      // From here on the models note what their changes mean.
      if state.entries.tracking == nil { state.entries.track() }
      if state.agents.touched == nil { state.agents.touched = [] }
      return begun
    }
  }

  /// The agent wants to know whether it has everything.
  func checkWatch(_ watcher: AgentWatcher) { state.withLock { $0.watches.compare(watcher) } }

  func endWatch(_ number: UInt64) { state.withLock { $0.watches.park(number) } }

  /// What is to be sent to an agent now; nil when there is nothing.
  func nextBatch(for watcher: AgentWatcher) -> WatchBatch? {
    state.withLock { state in
      let revision = state.watches.revision
      guard let work = watcher.take(revision: revision) else { return nil }
      var batch = WatchBatch(work: work, revision: revision)
      let model = state.entries
      let agent = watcher.agent
      if let ids = work.fetch {
        batch.entries = Array(model.authorizedEntries(for: agent, ids: Set(ids)).values)
      }
      if work.lists || work.content?.comparison == true {
        batch.all = Array(model.authorizedEntries(for: agent))
        batch.domains = Set(batch.all.flatMap(\.federatesWith))
        batch.domains.insert(agent.trustDomain)
      } else if let content = work.content {
        let found = model.authorizedEntries(for: agent, ids: content.ids)
        batch.entries = found.values.sorted { $0.id < $1.id }
        batch.removed = content.ids.filter { found[$0] == nil }.sorted()
        batch.domains = content.bundles.union(batch.entries.flatMap(\.federatesWith))
        if content.verifies { batch.all = Array(model.authorizedEntries(for: agent)) }
      }
      return batch
    }
  }

  // MARK: Looking on

  /// The open streams.
  func openWatches() -> (revision: UInt64, watchers: [AgentWatcher]) {
    state.withLock { ($0.watches.revision, $0.watches.open) }
  }

  /// The open streams of an agent.
  func openWatches(of agent: SPIFFEID) -> [AgentWatcher] { state.withLock { $0.watches.open(of: agent) } }

  /// Forgets streams that ended long ago, has those looked at whose agent's SVID has ended, and reports how far the
  /// agents are.
  func watchOver() {
    let watchers = state.withLock { state in
      state.watches.sweep()
      return state.watches.open
    }
    let now = time.steady
    let lags = watchers.compactMap { $0.watch.behindSince }.map { (now - $0).seconds }
    metrics.setGauge(["watch", "streams"], to: Double(watchers.count))
    metrics.setGauge(["watch", "behind"], to: Double(lags.count))
    metrics.setGauge(["watch", "lag_ms"], to: (lags.max() ?? 0) * 1000)
  }
}
