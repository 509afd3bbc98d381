/// Walks DER without copying and never past its end: one-byte tags, definite lengths in their shortest form.
///
/// Used where raw encodings matter (names compared byte by byte, keys kept as they came) and a tree is not needed:
/// by this library for keys and certificates, by the certificate authority for requests and stored certificates.
/// Every failure is `nil`; the caller knows what it looked for.
package struct DERReader {
  /// One element: its tag, its contents, and the whole encoding (tag, length and contents).
  package struct Element {
    package let tag: UInt8
    package let contents: ArraySlice<UInt8>
    package let encoded: ArraySlice<UInt8>

    @usableFromInline init(tag: UInt8, contents: ArraySlice<UInt8>, encoded: ArraySlice<UInt8>) {
      self.tag = tag
      self.contents = contents
      self.encoded = encoded
    }
  }

  @usableFromInline var rest: ArraySlice<UInt8>

  @inlinable package init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  @inlinable package var isAtEnd: Bool { rest.isEmpty }

  /// The tag of the next element, or nil at the end.
  @inlinable package var nextTag: UInt8? { rest.first }

  /// The next element, or nil at the end or when the encoding is not DER.
  package mutating func next() -> Element? {
    let start = rest.startIndex
    guard rest.count >= 2, rest[start] & 0x1F != 0x1F else { return nil }
    var length = Int(rest[start + 1])
    var at = start + 2
    if length >= 0x80 {
      let size = length & 0x7F
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
    defer { rest = rest[end...] }
    return Element(tag: rest[start], contents: rest[at..<end], encoded: rest[start..<end])
  }

  /// The next element if it has `tag`; nil otherwise.
  @inlinable package mutating func next(_ tag: UInt8) -> Element? { nextTag == tag ? next() : nil }

  /// The inside of the next element if it has `tag`.
  @inlinable package mutating func inside(_ tag: UInt8) -> DERReader? { next(tag).map { DERReader($0.contents) } }

  /// The magnitude of the next INTEGER without its sign byte, or nil if it is missing, negative or not minimal.
  package mutating func positiveInteger() -> ArraySlice<UInt8>? {
    guard let contents = next(DERTag.integer)?.contents, let first = contents.first, first < 0x80 else { return nil }
    guard first == 0, contents.count > 1 else { return contents }
    let magnitude = contents.dropFirst()
    guard let high = magnitude.first, high >= 0x80 else { return nil }
    return magnitude
  }

  /// The bytes of the next BIT STRING if all of its bits are used.
  package mutating func wholeBitString() -> ArraySlice<UInt8>? {
    guard let contents = next(DERTag.bitString)?.contents, contents.first == 0 else { return nil }
    return contents.dropFirst()
  }
}
