import Daemon
import FoundationEssentials
import GRPCCore
import RPC
import SPIFFE

/// The watching agents and what they look at: tells from a change of the models whom it concerns.
///
/// A value inside of the keeper's state, under its mutex. The cost of a change is that of the walk up from the entry and
/// of the agents that it concerns, not of all who watch.
struct WatchIndex: Sendable {
  /// Streams of one agent at a time; the oldest ends when another one is opened.
  static let streamsPerAgent = 4
  /// How long the end of a stream is remembered, for the agent to go on.
  static let memory = Duration.seconds(300)

  private struct Watch: Sendable {
    let watcher: AgentWatcher
    /// The paths below which the agent serves.
    var roots: [String]
    /// When the stream ended; nil while it is open.
    var parkedAt: Duration?
  }

  /// Names this run of the server: revisions count within it.
  let instance = RandomUUID.text()
  /// Grows with each change that may concern somebody who watches.
  private(set) var revision: UInt64 = 1
  private var watches: [UInt64: Watch] = [:]
  private var byRoot: [String: [UInt64]] = [:]
  private var byAgent: [SPIFFEID: [UInt64]] = [:]
  private var last: UInt64 = 0
  private let time: any TimeSource

  init(time: any TimeSource) { self.time = time }

  var isEmpty: Bool { watches.isEmpty }
  /// The open streams.
  var open: [AgentWatcher] { watches.values.lazy.filter { $0.parkedAt == nil }.map(\.watcher) }

  func open(of agent: SPIFFEID) -> [AgentWatcher] {
    (byAgent[agent] ?? []).compactMap { watches[$0] }.filter { $0.parkedAt == nil }.map(\.watcher)
  }

  // MARK: Streams

  /// A stream begins. Returns its number and whether it goes on where another one ended.
  mutating func begin(
    _ watcher: AgentWatcher, instance: String, revision: UInt64, roots: [String]
  ) -> (number: UInt64, resumed: Bool) {
    var resumed = false
    for number in byAgent[watcher.agent] ?? [] where watches[number]?.parkedAt != nil {
      if let old = watches[number]?.watcher, instance == self.instance, !resumed {
        let state = old.watch
        resumed = watcher.change { $0.resume(state, at: revision) }
      }
      remove(number)
    }
    let (current, now) = (self.revision, time.steady)
    if !resumed { watcher.change { $0.begin(revision: current, now: now) } }
    let numbers = byAgent[watcher.agent] ?? []
    if numbers.count >= Self.streamsPerAgent {
      watches[numbers[0]]?.watcher.end(RPCFailure(.aborted, "this agent opened too many watch streams"))
    }
    last += 1
    watches[last] = Watch(watcher: watcher, roots: roots, parkedAt: nil)
    for root in roots { byRoot[root, default: []].append(last) }
    byAgent[watcher.agent, default: []].append(last)
    // The call was let in before anybody would have told this stream that its agent was banned or has another SVID.
    watcher.authorizeAgain()
    return (last, resumed)
  }

  /// A stream ended. What the agent has yet to be told is gathered on, for when it comes back.
  mutating func park(_ number: UInt64) {
    let now = time.steady
    guard let watch = watches[number] else { return }
    // One is enough: the last that ended.
    for other in byAgent[watch.watcher.agent] ?? [] where other != number && watches[other]?.parkedAt != nil {
      remove(other)
    }
    watches[number]?.parkedAt = now
  }

  /// Forgets streams that ended long ago, and has those looked at whose agent's SVID has ended.
  mutating func sweep() {
    let (now, steady) = (time.now, time.steady)
    for (number, watch) in watches {
      if let parkedAt = watch.parkedAt {
        if steady - parkedAt > Self.memory { remove(number) }
      } else if watch.watcher.expiresAt < now {
        watch.watcher.authorizeAgain()
      }
    }
  }

  private mutating func remove(_ number: UInt64) {
    guard let watch = watches.removeValue(forKey: number) else { return }
    for root in watch.roots { Self.remove(number, root, &byRoot) }
    Self.remove(number, watch.watcher.agent, &byAgent)
  }

  private static func remove<Key>(_ number: UInt64, _ key: Key, _ lists: inout [Key: [UInt64]]) {
    lists[key]?.removeAll { $0 == number }
    if lists[key]?.isEmpty == true { lists[key] = nil }
  }

  // MARK: Changes of the models

  /// Tells those whom it concerns what changed in the model since the last call.
  mutating func follow(_ model: inout EntryModel) {
    guard !watches.isEmpty else {
      model.tracking = nil
      return
    }
    guard let effects = model.tracking?.effects else {
      // Another model: read anew.
      model.track()
      revision += 1
      let now = time.steady
      for number in Array(watches.keys) {
        guard let agent = watches[number]?.watcher.agent else { continue }
        setRoots(model.rootPaths(of: agent), of: number)
        mark([number], ids: nil, now)
      }
      return
    }
    if effects.isEmpty { return }
    model.tracking?.effects = []
    revision += 1
    let now = time.steady
    // First with the roots as they were: what is below a root that goes was there until now.
    for case .entries(let ids, let below) in effects { mark(watching(below), ids: ids, now) }
    for effect in effects {
      switch effect {
      case .entries: break
      case .alias(let selectors):
        for number in numbers(having: selectors, model) { lookAtRoots(of: number, model, now) }
      case .agent(let id): for number in byAgent[id] ?? [] { lookAtRoots(of: number, model, now) }
      }
    }
  }

  /// Has the standing of agents looked at that were changed or removed.
  mutating func follow(_ agents: inout AgentModel) {
    guard !watches.isEmpty else {
      agents.touched = nil
      return
    }
    let touched = agents.touched
    agents.touched = []
    // Without a list, the model was read anew.
    for id in touched ?? Array(byAgent.keys) {
      for number in byAgent[id] ?? [] {
        guard let watch = watches[number] else { continue }
        if watch.parkedAt == nil { watch.watcher.authorizeAgain() } else if agents.node(id) == nil { remove(number) }
      }
    }
  }

  /// Bundles changed: `below` are the paths whose agents have entries that federate with them.
  mutating func bundlesChanged(_ domains: Set<TrustDomain>, below: Set<String>) {
    revision += 1
    let now = time.steady
    var numbers = Set(watching(Array(below)))
    for (number, watch) in watches where domains.contains(watch.watcher.agent.trustDomain) { numbers.insert(number) }
    mark(Array(numbers), ids: [], bundles: domains, now)
  }

  /// An agent wants to know whether it has everything.
  mutating func compare(_ watcher: AgentWatcher) {
    revision += 1
    let (revision, now) = (revision, time.steady)
    watcher.change { $0.verify(revision: revision, now: now) }
  }

  /// Nobody knows what changed.
  mutating func everythingChanged() {
    revision += 1
    mark(Array(watches.keys), ids: nil, time.steady)
  }

  private func watching(_ paths: [String]) -> [UInt64] {
    guard paths.count > 1 else { return byRoot[paths.first ?? ""] ?? [] }
    var numbers: Set<UInt64> = []
    for path in paths { numbers.formUnion(byRoot[path] ?? []) }
    return Array(numbers)
  }

  private func numbers(having selectors: [Selector], _ model: EntryModel) -> [UInt64] {
    watches.compactMap { number, watch in model.agent(watch.watcher.agent, has: selectors) ? number : nil }
  }

  private mutating func lookAtRoots(of number: UInt64, _ model: EntryModel, _ now: Duration) {
    guard let watch = watches[number] else { return }
    let roots = model.rootPaths(of: watch.watcher.agent)
    for path in Set(roots).symmetricDifference(watch.roots) {
      mark([number], ids: model.descendants(of: path), now)
    }
    setRoots(roots, of: number)
  }

  private mutating func setRoots(_ roots: [String], of number: UInt64) {
    guard let old = watches[number]?.roots, old != roots else { return }
    for root in old { Self.remove(number, root, &byRoot) }
    for root in Set(roots) { byRoot[root, default: []].append(number) }
    watches[number]?.roots = Array(Set(roots))
  }

  private func mark(_ numbers: [UInt64], ids: [String]?, bundles: Set<TrustDomain> = [], _ now: Duration) {
    let revision = revision
    for number in numbers {
      watches[number]?.watcher.change {
        $0.mark(ids: ids, bundles: bundles, audience: numbers.count, revision: revision, now: now)
      }
    }
  }
}
