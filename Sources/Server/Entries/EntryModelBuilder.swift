package import DatastoreAPI
import SPIFFE

/// Makes an ``EntryModel`` of everything that a database holds, page by page, at half of what setting each entry costs.
///
/// The entries of a parent lie all over the pages, and so do those whose hashes fall on one place: walking to these places
/// for each entry waits for memory again and again. Here entries wait in the order in which they came, and each place is
/// filled once, at the end, in its final size. A value; ``EntryModelKeeper`` makes one when it reads everything.
package struct EntryModelBuilder {
  /// A parent, and where its children are among ``children``.
  private struct Family {
    let parent: SPIFFEID
    let hash: Int
    let first: Int32
    var last: Int32
    var count: Int32 = 1
  }

  private var model = EntryModel()
  private var families: ContiguousArray<Family> = []
  /// Numbers of ``families``, each at the place of its hash or the next free one after it. A power of two, at most half full.
  private var places = ContiguousArray<Int32>(repeating: -1, count: 1024)
  /// Nil once it is in its place: a reference that moves need not be counted.
  private var children: ContiguousArray<Siblings.Child?> = []
  /// For each child the next one of its parent; -1 after the last.
  private var next: ContiguousArray<Int32> = []
  private var slots: ContiguousArray<ChunkedTable<StoredEntry>.Slot?> = []

  package init() {}

  /// Takes a page. An entry whose ID came before takes the other's place.
  package mutating func add(_ entries: [RegistrationEntry]) {
    for entry in entries { add(entry) }
  }

  private mutating func add(_ entry: RegistrationEntry) {
    let stored = model.newEntry(entry)
    if !EntryModel.isAlias(entry) {
      let number = Int32(truncatingIfNeeded: children.count)
      adopt(number, parent: entry.parentID)
      children.append(Siblings.Child(stored: stored, pathHash: entry.spiffeID.path.hashValue))
      next.append(-1)
    }
    slots.append(ChunkedTable.Slot(hash: entry.id.hashValue, value: stored))
  }

  /// Makes a child the last of its parent's.
  private mutating func adopt(_ child: Int32, parent: SPIFFEID) {
    let hash = parent.path.hashValue
    let place = place(of: parent.path, hash)
    let family = Int(places[place])
    if family >= 0 {
      next[Int(families[family].last)] = child
      families[family].last = child
      families[family].count += 1
    } else {
      places[place] = Int32(truncatingIfNeeded: families.count)
      families.append(Family(parent: parent, hash: hash, first: child, last: child))
      if families.count * 2 > places.count { grow() }
    }
  }

  /// The model of all pages. Leaves the builder as it was made: what it held has moved, as a copy would touch each entry.
  package mutating func build() -> EntryModel {
    var parts = EntryModelBuilder()
    swap(&parts, &self)
    for family in parts.families {
      let siblings = parts.siblings(of: family)
      parts.model.addFamily(siblings, hash: family.hash)
    }
    parts.model.fill(&parts.slots)
    return parts.model
  }

  private mutating func siblings(of family: Family) -> Siblings {
    var chunks: ContiguousArray<Siblings.Chunk> = []
    chunks.reserveCapacity((Int(family.count) + Siblings.chunkSize - 1) / Siblings.chunkSize)
    var (child, rest) = (Int(family.first), Int(family.count))
    while rest > 0 {
      let size = min(rest, Siblings.chunkSize)
      var chunk = Siblings.Chunk()
      chunk.reserveCapacity(size)
      for _ in 0..<size {
        if let next = children[child].take() { chunk.append(next) }
        child = Int(next[child])
      }
      chunks.append(chunk)
      rest -= size
    }
    return Siblings(parent: family.parent, chunks: chunks, count: Int(family.count))
  }

  // MARK: Places

  /// Where the family of a path is in ``places``, or would be.
  private func place(of path: String, _ hash: Int) -> Int {
    let mask = places.count - 1
    var index = hash & mask
    while places[index] >= 0 {
      let family = Int(places[index])
      if families[family].hash == hash, families[family].parent.path == path { return index }
      index = (index + 1) & mask
    }
    return index
  }

  private mutating func grow() {
    places = ContiguousArray(repeating: -1, count: 2 * places.count)
    let mask = places.count - 1
    for number in families.indices {
      var index = families[number].hash & mask
      while places[index] >= 0 { index = (index + 1) & mask }
      places[index] = Int32(truncatingIfNeeded: number)
    }
  }
}
