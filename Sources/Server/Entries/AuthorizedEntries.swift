package import DatastoreAPI

/// The entries that an agent may serve, as ``EntryModel`` has them: those of each parent in their order, parents before
/// their children's children. Nothing was copied for it.
package struct AuthorizedEntries: Collection, Sendable {
  /// A place among the entries.
  package struct Index: Comparable, Sendable {
    let chunk: Int
    let offset: Int

    package static func < (a: Index, b: Index) -> Bool { (a.chunk, a.offset) < (b.chunk, b.offset) }
  }

  /// None is empty.
  private var chunks: [Siblings.Chunk] = []
  package private(set) var count = 0

  mutating func append(_ siblings: Siblings) {
    count += siblings.count
    chunks.append(contentsOf: siblings.chunks)
  }

  package var startIndex: Index { Index(chunk: 0, offset: 0) }
  package var endIndex: Index { Index(chunk: chunks.count, offset: 0) }

  package func index(after index: Index) -> Index {
    index.offset + 1 < chunks[index.chunk].count
      ? Index(chunk: index.chunk, offset: index.offset + 1) : Index(chunk: index.chunk + 1, offset: 0)
  }

  package subscript(index: Index) -> RegistrationEntry { chunks[index.chunk][index.offset].stored.entry }
}
