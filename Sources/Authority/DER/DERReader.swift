/// Walks DER without copying and never past its end: definite shortest lengths, one-byte tags.
///
/// Requests and stored certificates come through here; every failure is `nil`, the caller knows what it looked for.
struct DERReader {
  struct Element {
    let tag: UInt8
    let contents: ArraySlice<UInt8>
    /// Tag, length and contents.
    let encoded: ArraySlice<UInt8>
  }

  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  var isAtEnd: Bool { rest.isEmpty }
  var nextTag: UInt8? { rest.first }

  mutating func next() -> Element? {
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
      guard length >= 0x80, size == 1 || length >> (8 * (size - 1)) != 0 else { return nil }
    }
    guard rest.endIndex - at >= length else { return nil }
    let end = at + length
    defer { rest = rest[end...] }
    return Element(tag: rest[start], contents: rest[at..<end], encoded: rest[start..<end])
  }

  mutating func next(_ tag: UInt8) -> Element? { nextTag == tag ? next() : nil }

  /// The inside of the next element if it has `tag`.
  mutating func inside(_ tag: UInt8) -> DERReader? { next(tag).map { DERReader($0.contents) } }

  /// The bytes of the next BIT STRING if all of its bits are used.
  mutating func wholeBitString() -> ArraySlice<UInt8>? {
    guard let contents = next(DERTag.bitString)?.contents, contents.first == 0 else { return nil }
    return contents.dropFirst()
  }

  mutating func objectIdentifier() -> OID? {
    next(DERTag.objectIdentifier).flatMap { OID(contents: Array($0.contents)) }
  }

  /// The next time, in seconds since 1970.
  mutating func time() -> Int64? {
    guard let element = next() else { return nil }
    let digits = element.contents.dropLast().map { Int64($0) - 48 }
    let yearDigits: Int
    switch element.tag {
    case DERTag.utcTime: yearDigits = 2
    case DERTag.generalizedTime: yearDigits = 4
    default: return nil
    }
    guard element.contents.last == UInt8(ascii: "Z"), digits.count == yearDigits + 10,
      digits.allSatisfy({ (0...9).contains($0) })
    else { return nil }
    var year = digits[..<yearDigits].reduce(0) { $0 * 10 + $1 }
    if yearDigits == 2 { year += year < 50 ? 2000 : 1900 }
    func part(_ index: Int) -> Int64 { digits[yearDigits + 2 * index] * 10 + digits[yearDigits + 2 * index + 1] }
    return CivilTime.unixSeconds(
      year: year, month: part(0), day: part(1), hour: part(2), minute: part(3), second: part(4))
  }
}
