import DatastoreAPI
import SPIFFE

/// One entry of an ``EntryModel``, shared by every copy of the model that holds it. Never changes.
final class StoredEntry: TableValue {
  let entry: RegistrationEntry
  /// Where it stands among its siblings: the order in which the entries came.
  let rank: UInt64

  init(_ entry: RegistrationEntry, rank: UInt64) {
    self.entry = entry
    self.rank = rank
  }

  var tableKey: String { entry.id }
}

/// The entries that have something in common, in their order: aliases with a selector, entries of one privileged ID.
struct EntryList<Key: Hashable & Sendable>: TableValue {
  let tableKey: Key
  private(set) var entries: [StoredEntry] = []

  init(_ key: Key) { tableKey = key }

  mutating func link(_ stored: StoredEntry) {
    guard let last = entries.last, last.rank > stored.rank else { return entries.append(stored) }
    entries.insert(stored, at: entries.firstIndex { $0.rank > stored.rank } ?? entries.endIndex)
  }

  mutating func unlink(_ stored: StoredEntry) { entries.removeAll { $0 === stored } }
}

/// The selectors of one agent, sorted, each once.
struct KnownSelectors: TableValue {
  let tableKey: SPIFFEID
  let selectors: [Selector]

  init(_ id: SPIFFEID, _ selectors: [Selector]) {
    tableKey = id
    self.selectors = selectors
  }

  /// Whether the agent has all of these.
  func contain(_ others: [Selector]) -> Bool { others.allSatisfy(contains) }

  private func contains(_ selector: Selector) -> Bool {
    var (low, high) = (0, selectors.count)
    while low < high {
      let middle = (low + high) / 2
      if selectors[middle] < selector { low = middle + 1 } else { high = middle }
    }
    return low < selectors.count && selectors[low] == selector
  }
}
