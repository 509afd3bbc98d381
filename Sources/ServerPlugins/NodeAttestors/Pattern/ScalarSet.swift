/// Unicode scalars in ranges, or all others. A value.
struct ScalarSet: Hashable, Sendable {
  var ranges: [ClosedRange<UInt32>]
  var isNegated = false

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    ranges.contains { $0.contains(scalar.value) } != isNegated
  }

  /// The set with both cases of each ASCII letter, and of single scalars.
  var foldingCase: ScalarSet {
    var all = ranges
    for range in ranges {
      for value in range.clamped(to: 0x41...0x5A) where range.overlaps(0x41...0x5A) {
        all.append((value + 32)...(value + 32))
      }
      for value in range.clamped(to: 0x61...0x7A) where range.overlaps(0x61...0x7A) {
        all.append((value - 32)...(value - 32))
      }
    }
    return ScalarSet(ranges: all, isNegated: isNegated)
  }

  /// The ranges of the set itself, whether it is negated or not.
  var positiveRanges: [ClosedRange<UInt32>] {
    guard isNegated else { return ranges }
    var result: [ClosedRange<UInt32>] = []
    var start: UInt32 = 0
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if range.lowerBound > start { result.append(start...(range.lowerBound - 1)) }
      start = max(start, range.upperBound + 1)
    }
    if start <= 0x10FFFF { result.append(start...0x10FFFF) }
    return result
  }

  static let digit = ScalarSet(ranges: [0x30...0x39])
  static let word = ScalarSet(ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
  /// RE2's `\s` has no vertical tab.
  static let space = ScalarSet(ranges: [0x09...0x0A, 0x0C...0x0D, 0x20...0x20])
  static let all = ScalarSet(ranges: [], isNegated: true)
  static let allButNewline = ScalarSet(ranges: [0x0A...0x0A], isNegated: true)

  static let posix: [String: ScalarSet] = [
    "alnum": ScalarSet(ranges: [0x30...0x39, 0x41...0x5A, 0x61...0x7A]),
    "alpha": ScalarSet(ranges: [0x41...0x5A, 0x61...0x7A]), "ascii": ScalarSet(ranges: [0...0x7F]),
    "blank": ScalarSet(ranges: [0x09...0x09, 0x20...0x20]), "cntrl": ScalarSet(ranges: [0...0x1F, 0x7F...0x7F]),
    "digit": digit, "graph": ScalarSet(ranges: [0x21...0x7E]), "lower": ScalarSet(ranges: [0x61...0x7A]),
    "print": ScalarSet(ranges: [0x20...0x7E]),
    "punct": ScalarSet(ranges: [0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E]),
    "space": ScalarSet(ranges: [0x09...0x0D, 0x20...0x20]), "upper": ScalarSet(ranges: [0x41...0x5A]), "word": word,
    "xdigit": ScalarSet(ranges: [0x30...0x39, 0x41...0x46, 0x61...0x66]),
  ]
}
