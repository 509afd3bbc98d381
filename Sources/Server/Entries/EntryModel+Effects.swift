import DatastoreAPI
import SPIFFE

/// Who may be affected by a change: the walk from an entry up to agents, instead of from every agent down.
extension EntryModel {
  /// The most entries below a path that are listed one by one.
  static let effectLimit = WatchState.idLimit

  /// From here on, notes what changes mean.
  mutating func track() {
    guard tracking == nil else { return }
    var tracking = ModelTracking()
    for stored in storedEntries where !Self.isAlias(stored.entry) { tracking.byPath.insert(stored) }
    self.tracking = tracking
  }

  /// Notes for whom `old` is not what it was any more. Called before the model changes.
  mutating func noteEffects(before old: RegistrationEntry?, becoming new: RegistrationEntry?) {
    guard tracking != nil, let old, old != new else { return }
    let effect = Self.isAlias(old) ? .alias(old.selectors) : effect(of: old, isMoved: Self.isMoved(old, new))
    tracking?.effects.append(effect)
  }

  /// Notes for whom `new` is something else than before. Called after the model changed.
  mutating func noteEffects(after new: RegistrationEntry?, having old: RegistrationEntry?) {
    guard tracking != nil, let new, old != new else { return }
    let isAlias = Self.isAlias(new)
    guard isAlias || Self.isMoved(new, old) else { return }
    let effect = isAlias ? .alias(new.selectors) : effect(of: new, isMoved: true)
    tracking?.effects.append(effect)
  }

  /// Notes that an agent's selectors are to become these. Called before the model changes.
  mutating func noteEffects(ofAgent id: SPIFFEID, becoming new: [Selector]) {
    guard tracking != nil, selectors(ofAgent: id) != Set(new) else { return }
    tracking?.effects.append(.agent(id))
  }

  /// Whether the entry hangs elsewhere, or others hang on it, than on `other`.
  private static func isMoved(_ entry: RegistrationEntry, _ other: RegistrationEntry?) -> Bool {
    guard let other else { return true }
    return entry.parentID.path != other.parentID.path || entry.spiffeID.path != other.spiffeID.path
  }

  private func effect(of entry: RegistrationEntry, isMoved: Bool) -> ModelEffect {
    var ids: [String]? = [entry.id]
    if isMoved { ids = descendants(of: entry.spiffeID.path).map { $0 + [entry.id] } }
    return .entries(ids: ids, below: ancestorPaths(of: entry.parentID.path))
  }

  /// The path itself and those of all IDs above it. An agent serves what has the path as its parent if one of its roots
  /// is among them.
  func ancestorPaths(of path: String) -> [String] {
    var result = [path]
    var seen: Set<String> = [path]
    var next = 0
    while next < result.count {
      for stored in tracking?.byPath[result[next]] ?? [] where seen.insert(stored.entry.parentID.path).inserted {
        result.append(stored.entry.parentID.path)
      }
      next += 1
    }
    return result
  }

  /// The entries below a path; nil when there are more than are listed one by one.
  func descendants(of path: String) -> [String]? {
    var ids: [String] = []
    var seen: Set<String> = [path]
    var paths = [path]
    while let path = paths.popLast() {
      for stored in children(of: path) {
        ids.append(stored.entry.id)
        if ids.count > Self.effectLimit { return nil }
        if seen.insert(stored.entry.spiffeID.path).inserted { paths.append(stored.entry.spiffeID.path) }
      }
    }
    return ids
  }

  /// The parents of the entries that federate with one of these trust domains.
  func parents(federatingWith domains: Set<TrustDomain>) -> Set<String> {
    var result: Set<String> = []
    for stored in storedEntries where !domains.isDisjoint(with: stored.entry.federatesWith) {
      result.insert(stored.entry.parentID.path)
    }
    return result
  }

  // MARK: How the model is kept

  private var storedEntries: [StoredEntry] {
    var result: [StoredEntry] = []
    result.reserveCapacity(byID.count)
    byID.forEach { result.append($0) }
    return result
  }

  private func children(of path: String) -> [StoredEntry] {
    families.value(path)?.chunks.flatMap { $0.map(\.stored) } ?? []
  }

  /// Whether an agent has all of these selectors.
  func agent(_ id: SPIFFEID, has selectors: [Selector]) -> Bool {
    agents.value(id)?.contain(selectors) ?? false
  }
}
