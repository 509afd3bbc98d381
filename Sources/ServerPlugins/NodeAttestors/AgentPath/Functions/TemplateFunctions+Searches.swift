/// Functions of sprig on regular expressions, over ``LinearPattern``: what they cost is bounded.
extension TemplateFunctions {
  static let searches: [String: TemplateFunction] = Dictionary(
    [
      (
        "regexMatch",
        TemplateFunction(2) { call in
          // SPIRE: a pattern that is none matches nothing.
          guard let pattern = try? LinearPattern(try call.string(0)) else { return .bool(false) }
          return .bool(try next(pattern, GoRunes.decode(try call.text(1)), 0, &call) != nil)
        }
      ),
      (
        "mustRegexMatch",
        TemplateFunction(2) { call in
          .bool(try next(try LinearPattern(try call.string(0)), GoRunes.decode(try call.text(1)), 0, &call) != nil)
        }
      ),
      (
        "regexQuoteMeta",
        mapping { text in text.flatMap { #"\.+*?()|[]{}^$"#.utf8.contains($0) ? [0x5C, $0] : [$0] } }
      ),
    ]
      + variants(
        ["regexFind"],
        TemplateFunction(2) { call in
          let (pattern, text) = (try LinearPattern(try call.string(0)), try call.text(1))
          guard let found = try next(pattern, GoRunes.decode(text), 0, &call)?.first ?? nil else {
            return try call.made([UInt8]())
          }
          return try call.made(Array(text[found]))
        })
      + variants(
        ["regexFindAll"],
        TemplateFunction(3) { call in
          let text = try call.text(1)
          return try call.made(try all(text, try call.integer(2), &call).map { Array(text[$0]) })
        })
      + variants(
        ["regexSplit"],
        TemplateFunction(3) { call in
          let (text, limit) = (try call.text(1), try call.integer(2))
          let matches = try all(text, limit, &call)
          if limit == 0 { return .list([]) }
          if text.isEmpty, !(try call.text(0)).isEmpty { return try call.made([[UInt8]()]) }
          return try call.made(split(text, matches, limit))
        })
      + variants(["regexReplaceAll"], TemplateFunction(3) { try replaceAll(&$0, isLiteral: false) })
      + variants(["regexReplaceAllLiteral"], TemplateFunction(3) { try replaceAll(&$0, isLiteral: true) }),
    uniquingKeysWith: { $1 })

  /// The groups of the first match at `start` or behind it, as ranges of bytes; the first is the whole.
  private static func next(
    _ pattern: LinearPattern, _ runes: [GoRunes.Rune], _ start: Int, _ call: inout TemplateCall
  ) throws(TemplateError) -> [Range<Int>?]? {
    let end = runes.last.map { $0.start + $0.width } ?? 0
    guard let groups = try pattern.groups(in: runes.map(\.scalar), from: start, steps: &call.memory.searchSteps) else {
      return nil
    }
    func byte(_ rune: Int) -> Int { rune < runes.count ? runes[rune].start : end }
    return groups.map { $0.map { byte($0.lowerBound)..<byte($0.upperBound) } }
  }

  /// All matches of the pattern in the first argument, without overlaps and at most `limit`; all for a negative one.
  private static func all(
    _ text: [UInt8], _ limit: Int, _ call: inout TemplateCall
  ) throws -> [Range<Int>] {
    let pattern = try LinearPattern(try call.string(0))
    let runes = GoRunes.decode(text)
    let scalars = runes.map(\.scalar)
    var found: [Range<Int>] = []
    var (at, before) = (0, -1)
    while at <= runes.count, limit < 0 || found.count < limit {
      guard
        let match = try pattern.groups(in: scalars, from: at, steps: &call.memory.searchSteps)?.first ?? nil
      else { break }
      // Not an empty match right behind another one.
      let isAccepted = !match.isEmpty || match.lowerBound != before
      at = match.upperBound > at ? match.upperBound : at + 1
      before = match.upperBound
      guard isAccepted else { continue }
      found.append(bytes(match, runes, text))
    }
    return found
  }

  private static func bytes(_ range: Range<Int>, _ runes: [GoRunes.Rune], _ text: [UInt8]) -> Range<Int> {
    func byte(_ rune: Int) -> Int { rune < runes.count ? runes[rune].start : text.count }
    return byte(range.lowerBound)..<byte(range.upperBound)
  }

  private static func split(_ text: [UInt8], _ matches: [Range<Int>], _ limit: Int) -> [[UInt8]] {
    var parts: [[UInt8]] = []
    var (begin, end) = (0, 0)
    for match in matches {
      if limit > 0, parts.count == limit - 1 { break }
      end = match.lowerBound
      if match.upperBound != 0 { parts.append(Array(text[begin..<end])) }
      begin = match.upperBound
    }
    if end != text.count { parts.append(Array(text[begin...])) }
    return parts
  }

  private static func replaceAll(_ call: inout TemplateCall, isLiteral: Bool) throws -> TemplateValue {
    let (pattern, text) = (try LinearPattern(try call.string(0)), try call.text(1))
    let replacement = try call.text(2)
    let runes = GoRunes.decode(text)
    let scalars = runes.map(\.scalar)
    var result: [UInt8] = []
    var (last, at) = (0, 0)
    while at <= runes.count {
      guard let groups = try pattern.groups(in: scalars, from: at, steps: &call.memory.searchSteps),
        let match = groups.first ?? nil
      else { break }
      let place = bytes(match, runes, text)
      result += text[last..<place.lowerBound]
      if place.upperBound > last || place.lowerBound == 0 {
        let ranges = groups.map { $0.map { bytes($0, runes, text) } }
        result += isLiteral ? replacement : expanded(replacement, text, ranges, pattern.groupNames)
      }
      guard result.count <= TemplateMemory.maximumText else { throw tooLong }
      last = place.upperBound
      at = match.upperBound > at ? match.upperBound : at + 1
    }
    return try call.made(result + text[last...])
  }

  /// `$1`, `${1}`, `$name` and `$$` in a replacement.
  private static func expanded(
    _ template: [UInt8], _ text: [UInt8], _ groups: [Range<Int>?], _ names: [String?]
  ) -> [UInt8] {
    var result: [UInt8] = []
    var rest = GoRunes.decode(template)[...]
    while let rune = rest.popFirst() {
      guard rune.scalar == "$" else {
        result += template[rune.start..<(rune.start + rune.width)]
        continue
      }
      if rest.first?.scalar == "$" {
        rest = rest.dropFirst()
        result.append(UInt8(ascii: "$"))
        continue
      }
      let isBraced = rest.first?.scalar == "{"
      let inside = isBraced ? rest.dropFirst() : rest
      let taken = inside.prefix { $0.scalar == "_" || GoRunes.isLetter($0.scalar) || GoRunes.isDigit($0.scalar) }
      let after = inside.dropFirst(taken.count)
      guard !taken.isEmpty, !isBraced || after.first?.scalar == "}" else {
        result.append(UInt8(ascii: "$"))
        continue
      }
      rest = isBraced ? after.dropFirst() : after
      let name = String(decoding: taken.flatMap { GoRunes.encode($0.scalar) }, as: UTF8.self)
      // A number, as long as it has no zero in front of others.
      let isNumber = name.utf8.allSatisfy { (0x30...0x39).contains($0) } && (name == "0" || !name.hasPrefix("0"))
      let index = isNumber ? Int(name) : names.firstIndex { $0 == name }
      if let index, groups.indices.contains(index), let group = groups[index] { result += text[group] }
    }
    return result
  }
}
