/// Appends DER to one buffer. Lengths are filled in behind the contents, so nothing is built twice.
///
/// Used by this library for public keys that arrive as JWK numbers, by the certificate authority for what it signs.
package struct DERWriter {
  @usableFromInline var buffer: [UInt8] = []

  @inlinable package init(capacity: Int = 256) { buffer.reserveCapacity(capacity) }

  /// What was written.
  @inlinable package var bytes: [UInt8] { buffer }

  /// An element whose contents `body` writes.
  @inlinable package mutating func element(_ tag: UInt8, _ body: (inout DERWriter) -> Void) {
    buffer.append(tag)
    buffer.append(0)
    let start = buffer.count
    body(&self)
    finish(start)
  }

  /// Fills in the length of the element whose contents begin at `start`.
  @usableFromInline mutating func finish(_ start: Int) {
    let length = buffer.count - start
    guard length >= 0x80 else {
      buffer[start - 1] = UInt8(length)
      return
    }
    let count = (Int.bitWidth - length.leadingZeroBitCount + 7) / 8
    buffer[start - 1] = 0x80 | UInt8(count)
    buffer.insert(
      contentsOf: (0..<count).lazy.map { UInt8(truncatingIfNeeded: length >> (8 * (count - 1 - $0))) }, at: start)
  }

  /// An element with these contents.
  @inlinable package mutating func primitive(_ tag: UInt8, _ contents: some Collection<UInt8>) {
    element(tag) { $0.raw(contents) }
  }

  @inlinable package mutating func sequence(_ body: (inout DERWriter) -> Void) { element(DERTag.sequence, body) }

  /// Bytes that are DER already.
  @inlinable package mutating func raw(_ encoded: some Collection<UInt8>) { buffer.append(contentsOf: encoded) }

  package mutating func boolean(_ value: Bool) { primitive(DERTag.boolean, [value ? 0xFF : 0x00]) }

  /// A positive INTEGER in its shortest form.
  package mutating func integer(_ value: UInt128) {
    var digits: [UInt8] = []
    var shift = 120
    while shift >= 0 {
      let digit = UInt8(truncatingIfNeeded: value >> UInt128(shift))
      if !digits.isEmpty || digit != 0 { digits.append(digit) }
      shift -= 8
    }
    integer(magnitude: digits)
  }

  /// A non-negative INTEGER in its shortest form, from its big-endian magnitude.
  package mutating func integer(magnitude: some Collection<UInt8>) {
    let digits = magnitude.drop { $0 == 0 }
    element(DERTag.integer) {
      if digits.first.map({ $0 >= 0x80 }) ?? true { $0.raw([0]) }
      $0.raw(digits)
    }
  }

  /// A BIT STRING of whole bytes.
  package mutating func bitString(_ contents: [UInt8]) {
    element(DERTag.bitString) {
      $0.raw([0])
      $0.raw(contents)
    }
  }
}
