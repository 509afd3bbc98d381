import SPIFFE

extension DERReader {
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
