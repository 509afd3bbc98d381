/// Walks the elements of DER without copying: one-byte tags, definite minimal lengths, never past the end.
///
/// Used where raw encodings matter (names compared byte by byte, keys kept as they came) and a tree is not needed.
struct DERReader {
  /// One element: its tag, its contents, and the whole encoding.
  struct Element {
    let tag: UInt8
    let contents: ArraySlice<UInt8>
    let encoded: ArraySlice<UInt8>
  }

  /// The tags this library looks for.
  enum Tag {
    static let integer: UInt8 = 0x02
    static let bitString: UInt8 = 0x03
    static let null: UInt8 = 0x05
    static let objectIdentifier: UInt8 = 0x06
    static let sequence: UInt8 = 0x30
    static let version: UInt8 = 0xA0
  }

  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  var isAtEnd: Bool { rest.isEmpty }

  /// The tag of the next element, or nil at the end.
  var nextTag: UInt8? { rest.first }

  /// The next element, or nil at the end or when the encoding is not DER.
  mutating func next() -> Element? {
    guard rest.count >= 2 else { return nil }
    let start = rest.startIndex
    let tag = rest[start]
    guard tag & 0x1F != 0x1F else { return nil }
    var at = start + 1
    let first = rest[at]
    at += 1
    var length = Int(first)
    if first & 0x80 != 0 {
      let size = Int(first & 0x7F)
      guard (1...4).contains(size), rest.endIndex - at >= size else { return nil }
      length = 0
      for _ in 0..<size {
        length = length << 8 | Int(rest[at])
        at += 1
      }
      // DER: the shortest form only.
      guard length >= 0x80, size == 1 || length >> (8 * (size - 1)) != 0 else { return nil }
    }
    guard rest.endIndex - at >= length else { return nil }
    let end = at + length
    let element = Element(tag: tag, contents: rest[at..<end], encoded: rest[start..<end])
    rest = rest[end...]
    return element
  }

  /// The next element if it has `tag`; nil otherwise.
  mutating func next(_ tag: UInt8) -> Element? {
    guard nextTag == tag else { return nil }
    return next()
  }

  /// The magnitude of the next INTEGER without its sign byte, or nil if it is missing, negative or not minimal.
  mutating func nextPositiveInteger() -> ArraySlice<UInt8>? {
    guard let contents = next(Tag.integer)?.contents, let first = contents.first, first < 0x80 else { return nil }
    guard first == 0, contents.count > 1 else { return contents }
    let magnitude = contents.dropFirst()
    guard let high = magnitude.first, high >= 0x80 else { return nil }
    return magnitude
  }

  /// The contents of the next BIT STRING when it has no unused bits.
  mutating func nextWholeBitString() -> ArraySlice<UInt8>? {
    guard let contents = next(Tag.bitString)?.contents, contents.first == 0 else { return nil }
    return contents.dropFirst()
  }
}
