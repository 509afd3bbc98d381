import DatastoreAPI
import SPIFFE

/// The entries of one parent, in the order in which they came: part of ``EntryModel``.
///
/// In chunks, so that a change among many thousands of them copies few of them when somebody holds a copy.
struct Siblings: TableValue {
  /// An entry, and the hash of the path of its ID: whether that path has children of its own is asked again and again.
  struct Child: Sendable {
    let stored: StoredEntry
    let pathHash: Int
  }

  typealias Chunk = ContiguousArray<Child>

  static let chunkSize = 128

  /// The ID of the parent, as its first entry had it.
  let parent: SPIFFEID
  private(set) var chunks: ContiguousArray<Chunk> = []
  private(set) var count = 0
  /// No entry has a higher rank: so that adding one need not look at another.
  private var highestRank: UInt64 = 0

  init(parent: SPIFFEID) { self.parent = parent }

  /// - Parameter chunks: in the order of their ranks, each of at most ``chunkSize``.
  init(parent: SPIFFEID, chunks: ContiguousArray<Chunk>, count: Int) {
    self.parent = parent
    self.chunks = chunks
    self.count = count
    highestRank = chunks.last?.last?.stored.rank ?? 0
  }

  /// Parents are told apart by their path alone (server-behaviour §6.4).
  var tableKey: String { parent.path }

  /// Puts an entry in its place. New ones come last, so that this is nearly always an append.
  mutating func link(_ child: Child) {
    count += 1
    let rank = child.stored.rank
    guard rank < highestRank, !chunks.isEmpty else {
      highestRank = max(highestRank, rank)
      return append(child)
    }
    let index = chunk(of: rank)
    let place = Self.place(of: rank, in: chunks[index])
    chunks[index].insert(child, at: place)
    if chunks[index].count > 2 * Self.chunkSize {
      let rest = chunks[index].suffix(Self.chunkSize)
      chunks[index].removeLast(Self.chunkSize)
      chunks.insert(Chunk(rest), at: index + 1)
    }
  }

  private mutating func append(_ child: Child) {
    let last = chunks.count - 1
    if last >= 0, chunks[last].count < Self.chunkSize {
      chunks[last].append(child)
    } else {
      var chunk = Chunk()
      chunk.reserveCapacity(4)
      chunk.append(child)
      chunks.append(chunk)
    }
  }

  /// Takes an entry out, without looking at each of its siblings.
  mutating func unlink(_ stored: StoredEntry) {
    guard !chunks.isEmpty else { return }
    let index = chunk(of: stored.rank)
    let place = Self.place(of: stored.rank, in: chunks[index])
    guard place < chunks[index].count, chunks[index][place].stored === stored else { return }
    chunks[index].remove(at: place)
    if chunks[index].isEmpty { chunks.remove(at: index) }
    count -= 1
  }

  /// The last chunk that begins at or before `rank`, or the first one.
  private func chunk(of rank: UInt64) -> Int {
    var (low, high) = (0, chunks.count)
    while low < high {
      let middle = (low + high) / 2
      if let first = chunks[middle].first, first.stored.rank <= rank { low = middle + 1 } else { high = middle }
    }
    return max(0, low - 1)
  }

  /// The index of the first child that does not come before `rank`.
  private static func place(of rank: UInt64, in chunk: Chunk) -> Int {
    var (low, high) = (0, chunk.count)
    while low < high {
      let middle = (low + high) / 2
      if chunk[middle].stored.rank < rank { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
