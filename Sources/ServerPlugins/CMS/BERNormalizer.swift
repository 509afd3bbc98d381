import SPIFFE

/// Writes BER (X.690 §8) anew as what DER asks of lengths and strings: definite lengths in their shortest form, octet
/// strings in one piece. Clouds sign their documents in BER; all that reads them reads DER.
///
/// What was DER stays as it is, byte for byte. The output is never longer than four times the input, and the work is
/// linear in the input times the depth of its nesting, which is bounded.
struct BERNormalizer {
  private static let maximumDepth = 24
  private static let octetStringInPieces = DERTag.octetString | 0x20

  private var rest: ArraySlice<UInt8>

  /// The one element that `bytes` hold, as DER.
  static func der(of bytes: [UInt8]) throws(CMSError) -> [UInt8] {
    var normalizer = BERNormalizer(rest: bytes[...])
    let element = try normalizer.element(depth: 0)
    guard normalizer.rest.isEmpty else { throw CMSError("bytes follow the message") }
    return Self.encoded(element.tag, element.contents)
  }

  private static func encoded(_ tag: UInt8, _ contents: [UInt8]) -> [UInt8] {
    var writer = DERWriter(capacity: contents.count + 6)
    writer.primitive(tag, contents)
    return writer.bytes
  }

  private mutating func byte() throws(CMSError) -> UInt8 {
    guard let byte = rest.popFirst() else { throw CMSError("the message ends early") }
    return byte
  }

  /// The length in bytes; nil for an indefinite one.
  private mutating func length() throws(CMSError) -> Int? {
    let first = try byte()
    if first < 0x80 { return Int(first) }
    if first == 0x80 { return nil }
    guard first & 0x7F <= 8 else { throw CMSError("a length has too many bytes") }
    var length = 0
    for _ in 0..<(first & 0x7F) {
      guard length <= rest.count else { throw CMSError("an element is longer than the message") }
      length = length << 8 | Int(try byte())
    }
    return length
  }

  private mutating func element(depth: Int) throws(CMSError) -> (tag: UInt8, contents: [UInt8]) {
    guard depth < Self.maximumDepth else { throw CMSError("the message is nested too deeply") }
    let tag = try byte()
    guard tag & 0x1F != 0x1F else { throw CMSError("a tag has more than one byte") }
    let isConstructed = tag & 0x20 != 0
    guard let length = try length() else {
      guard isConstructed else { throw CMSError("a primitive element has no length") }
      return try collected(tag, depth) { (parser) throws(CMSError) in
        guard parser.rest.starts(with: [0, 0]) else { return false }
        parser.rest = parser.rest.dropFirst(2)
        return true
      }
    }
    guard length <= rest.count else { throw CMSError("an element is longer than the message") }
    let contents = rest.prefix(length)
    let after = rest.dropFirst(length)
    guard isConstructed else {
      rest = after
      return (tag, Array(contents))
    }
    rest = contents
    let element = try collected(tag, depth) { (parser) throws(CMSError) in parser.rest.isEmpty }
    rest = after
    return element
  }

  /// The elements inside one, up to its end.
  private mutating func collected(
    _ tag: UInt8, _ depth: Int, _ isAtEnd: (inout BERNormalizer) throws(CMSError) -> Bool
  ) throws(CMSError) -> (tag: UInt8, contents: [UInt8]) {
    var contents: [UInt8] = []
    let isString = tag == Self.octetStringInPieces
    while try !isAtEnd(&self) {
      let inner = try element(depth: depth + 1)
      if isString {
        guard inner.tag == DERTag.octetString else { throw CMSError("an octet string has a piece of another kind") }
        contents += inner.contents
      } else {
        contents += Self.encoded(inner.tag, inner.contents)
      }
    }
    return (isString ? DERTag.octetString : tag, contents)
  }
}
