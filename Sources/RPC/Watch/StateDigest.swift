import Crypto

/// A digest of which entries there are, in which revision, whatever their order: how agent and server find out in one
/// message that they agree (docs/propagation.md).
///
/// A value. For each entry the SHA-256 of its ID, a NUL, the revision number and the creation time (eight bytes each, big
/// end first) is taken as four numbers of 64 bits, and added to the sums so far.
package struct StateDigest: Hashable, Sendable {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  package init() {}

  package mutating func add(id: String, revision: Int64, createdAt: Int64) {
    var hash = SHA256()
    var text = Array(id.utf8)
    text.append(0)
    Self.append(UInt64(bitPattern: revision), to: &text)
    Self.append(UInt64(bitPattern: createdAt), to: &text)
    hash.update(data: text)
    let digest = Array(hash.finalize())
    words.0 &+= Self.word(digest, 0)
    words.1 &+= Self.word(digest, 8)
    words.2 &+= Self.word(digest, 16)
    words.3 &+= Self.word(digest, 24)
  }

  /// The sums, 32 bytes.
  package var bytes: [UInt8] {
    var result: [UInt8] = []
    for word in [words.0, words.1, words.2, words.3] { Self.append(word, to: &result) }
    return result
  }

  private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
    for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
  }

  private static func word(_ bytes: [UInt8], _ start: Int) -> UInt64 {
    bytes[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) }
  }

  package static func == (a: StateDigest, b: StateDigest) -> Bool { a.words == b.words }
  package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}
