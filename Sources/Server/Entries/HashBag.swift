/// Hashes, each as often as it was put in: part of ``EntryModel``, which asks it whether a path may have children before
/// it looks them up. An answer in a few nanoseconds, never a wrong "no".
struct HashBag: Sendable {
  /// The hashes, each at its place or the next free one after it. 0 is a free place. A power of two, at most half full.
  private var places: ContiguousArray<Int> = []
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  func contains(_ hash: Int) -> Bool {
    guard count > 0 else { return false }
    let hash = Self.stored(hash)
    var index = hash & (places.count - 1)
    while places[index] != 0 {
      if places[index] == hash { return true }
      index = (index + 1) & (places.count - 1)
    }
    return false
  }

  mutating func insert(_ hash: Int) {
    if places.count < 2 * (count + 1) { grow() }
    put(Self.stored(hash))
    count += 1
  }

  /// Takes one of these hashes out.
  mutating func remove(_ hash: Int) {
    guard contains(hash) else { return }
    let (hash, mask) = (Self.stored(hash), places.count - 1)
    var index = hash & mask
    while places[index] != hash { index = (index + 1) & mask }
    count -= 1
    // Those behind it move up, so that no search ends before what it looks for.
    var next = (index + 1) & mask
    while places[next] != 0 {
      let home = places[next] & mask
      if (next &- home) & mask >= (next &- index) & mask {
        places[index] = places[next]
        index = next
      }
      next = (next + 1) & mask
    }
    places[index] = 0
  }

  private mutating func grow() {
    let old = places
    places = ContiguousArray(repeating: 0, count: max(8, 2 * old.count))
    for hash in old where hash != 0 { put(hash) }
  }

  private mutating func put(_ hash: Int) {
    var index = hash & (places.count - 1)
    while places[index] != 0 { index = (index + 1) & (places.count - 1) }
    places[index] = hash
  }

  private static func stored(_ hash: Int) -> Int { hash == 0 ? 1 : hash }
}
