/// Writes DER; used for the public keys that arrive as JWK numbers.
enum DERWriter {
  static func element(_ tag: UInt8, _ contents: [UInt8]) -> [UInt8] {
    var length: [UInt8] = []
    if contents.count < 0x80 {
      length = [UInt8(contents.count)]
    } else {
      var rest = contents.count
      while rest > 0 {
        length.insert(UInt8(truncatingIfNeeded: rest), at: 0)
        rest >>= 8
      }
      length.insert(0x80 | UInt8(length.count), at: 0)
    }
    return [tag] + length + contents
  }

  /// A non-negative INTEGER from its big-endian magnitude.
  static func integer(_ magnitude: ArraySlice<UInt8>) -> [UInt8] {
    let digits = Array(magnitude.drop { $0 == 0 })
    let needsSign = digits.first.map { $0 >= 0x80 } ?? true
    return element(DERReader.Tag.integer, (needsSign ? [0] : []) + digits)
  }

  static func bitString(_ contents: [UInt8]) -> [UInt8] { element(DERReader.Tag.bitString, [0] + contents) }
}
