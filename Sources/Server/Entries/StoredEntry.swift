import DatastoreAPI

/// One entry of an ``EntryModel``, shared by every copy of the model that holds it. Never changes.
final class StoredEntry: Sendable {
  let entry: RegistrationEntry
  /// Where it stands among its siblings: the order in which the entries came.
  let rank: UInt64

  init(_ entry: RegistrationEntry, rank: UInt64) {
    self.entry = entry
    self.rank = rank
  }
}

extension [StoredEntry] {
  /// Puts an entry in its place. New ones come last, so that this is nearly always an append.
  mutating func link(_ stored: StoredEntry) {
    guard let last, last.rank > stored.rank else { return append(stored) }
    insert(stored, at: place(of: stored.rank))
  }

  /// Takes an entry out, without looking at each of its siblings: a parent may have many thousands.
  mutating func unlink(_ stored: StoredEntry) {
    let index = place(of: stored.rank)
    if index < endIndex, self[index] === stored { remove(at: index) }
  }

  /// The index of the first entry that does not come before `rank`.
  private func place(of rank: UInt64) -> Int {
    var (low, high) = (startIndex, endIndex)
    while low < high {
      let middle = (low + high) / 2
      if self[middle].rank < rank { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
