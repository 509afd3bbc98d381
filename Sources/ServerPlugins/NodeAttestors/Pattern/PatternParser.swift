/// What a pattern is made of.
indirect enum PatternTree: Sendable {
  case empty
  case scalar(ScalarSet)
  case assert(PatternAssertion)
  case sequence([PatternTree])
  case choice([PatternTree])
  /// At least `minimum` times, at most `maximum` times; nil for no bound. A lazy one takes as little as it can.
  case repeated(PatternTree, minimum: Int, maximum: Int?, isLazy: Bool)
  /// What is in parentheses, by the number of the group.
  case group(Int, PatternTree)

  /// Whether it can match nothing.
  var canBeEmpty: Bool {
    switch self {
    case .empty, .assert: true
    case .scalar: false
    case .sequence(let parts): parts.allSatisfy(\.canBeEmpty)
    case .choice(let branches): branches.contains(where: \.canBeEmpty)
    case .repeated(let inner, let minimum, _, _): minimum == 0 || inner.canBeEmpty
    case .group(_, let inner): inner.canBeEmpty
    }
  }
}

/// Reads RE2's syntax. Bounded in depth; one use per pattern. Called by ``LinearPattern`` only.
struct PatternParser {
  private typealias Fault = LinearPattern.Fault

  private struct Flags {
    var foldsCase = false
    var isMultiline = false
    var dotTakesNewline = false
    var isUngreedy = false
  }

  private static let maximumDepth = 100
  private static let maximumRepeat = 1000

  private let scalars: [Unicode.Scalar]
  private var at = 0
  private var depth = 0
  private var flags = Flags()
  /// The names of the groups that were opened; nil for one without. The whole pattern is the first.
  private(set) var groups: [String?] = [nil]

  init(_ text: String) { scalars = Array(text.unicodeScalars) }

  mutating func parse() throws(LinearPattern.Fault) -> PatternTree {
    let tree = try choice()
    guard at == scalars.count else { throw Fault("unexpected ): `\(whole)`") }
    return tree
  }

  private var whole: String { text(0..<scalars.count) }
  private func text(_ range: Range<Int>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars[range])
    return String(view)
  }
  private var current: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }
  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard current == scalar else { return false }
    at += 1
    return true
  }
  private func looksAt(_ text: String) -> Bool { scalars[at...].starts(with: text.unicodeScalars) }

  // MARK: Structure

  private mutating func choice() throws(LinearPattern.Fault) -> PatternTree {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maximumDepth else { throw Fault("expression nests too deeply: `\(whole)`") }
    let outer = flags
    defer { flags = outer }
    var branches = [try sequence()]
    while take("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  private mutating func sequence() throws(LinearPattern.Fault) -> PatternTree {
    var parts: [PatternTree] = []
    while let scalar = current, scalar != "|", scalar != ")" {
      if looksAt("\\Q") {
        at += 2
        let first = parts.count
        while at < scalars.count, !looksAt("\\E") {
          parts.append(literal(scalars[at]))
          at += 1
        }
        if at < scalars.count { at += 2 }
        // A repetition behind it is of its last character.
        if parts.count > first, let last = parts.popLast() { parts.append(try repeated(last)) }
        continue
      }
      if looksAt("(?"), try takeFlags() { continue }
      let part = try atom()
      parts.append(try repeated(part))
    }
    return .sequence(parts)
  }

  /// Takes `(?flags)`, which change what follows in the group; false for everything else.
  private mutating func takeFlags() throws(LinearPattern.Fault) -> Bool {
    let start = at
    at += 2
    guard let new = readFlags(), take(")") else {
      at = start
      return false
    }
    flags = new
    return true
  }

  /// The flags at this place, `i`, `-s` and so on; nil when something else stands there.
  private mutating func readFlags() -> Flags? {
    var new = flags
    var value = true
    var isEmpty = true
    while let scalar = current, scalar != ")", scalar != ":" {
      switch scalar {
      case "i": new.foldsCase = value
      case "m": new.isMultiline = value
      case "s": new.dotTakesNewline = value
      case "U": new.isUngreedy = value
      case "-" where value:
        value = false
        at += 1
        continue
      default: return nil
      }
      isEmpty = false
      at += 1
    }
    return isEmpty && current != ":" ? nil : new
  }

  private mutating func atom() throws(LinearPattern.Fault) -> PatternTree {
    let start = at
    guard let scalar = current else { return .empty }
    at += 1
    switch scalar {
    case ".": return .scalar(flags.dotTakesNewline ? .all : .allButNewline)
    case "^": return .assert(flags.isMultiline ? .lineStart : .textStart)
    case "$": return .assert(flags.isMultiline ? .lineEnd : .textEnd)
    case "(": return try group(start)
    case "[": return .scalar(try set(start))
    case "\\": return try escape(start)
    case "*", "+", "?": throw Fault("missing argument to repetition operator: `\(scalar)`")
    default: return literal(scalar)
    }
  }

  private func literal(_ scalar: Unicode.Scalar) -> PatternTree {
    let set = ScalarSet(ranges: [scalar.value...scalar.value])
    return .scalar(flags.foldsCase ? set.foldingCase : set)
  }

  private mutating func group(_ start: Int) throws(LinearPattern.Fault) -> PatternTree {
    let outer = flags
    defer { flags = outer }
    var number: Int?
    if take("?") {
      if looksAt("P<") || looksAt("<") {
        guard let end = scalars[at...].firstIndex(of: ">"), !looksAt("<="), !looksAt("<!") else {
          throw Fault("invalid or unsupported Perl syntax: `\(text(start..<min(at + 2, scalars.count)))`")
        }
        try name(text((at + (looksAt("P") ? 2 : 1))..<end), text(start..<(end + 1)))
        number = groups.count - 1
        at = end + 1
      } else {
        guard let new = readFlags(), take(":") else {
          throw Fault("invalid or unsupported Perl syntax: `\(text(start..<min(at + 1, scalars.count)))`")
        }
        flags = new
      }
    } else {
      number = groups.count
      groups.append(nil)
    }
    let tree = try choice()
    guard take(")") else { throw Fault("missing closing ): `\(whole)`") }
    return number.map { .group($0, tree) } ?? tree
  }

  /// Opens a group with a name.
  private mutating func name(_ name: String, _ whole: String) throws(LinearPattern.Fault) {
    guard !name.isEmpty, name.unicodeScalars.allSatisfy({ ScalarSet.word.contains($0) }) else {
      throw Fault("invalid named capture: `\(whole)`")
    }
    guard !groups.contains(name) else { throw Fault("duplicate capture group name: `\(name)`") }
    groups.append(name)
  }

  private mutating func repeated(_ tree: PatternTree) throws(LinearPattern.Fault) -> PatternTree {
    let begin = at
    var bounds: (Int, Int?)?
    if take("*") {
      bounds = (0, nil)
    } else if take("+") {
      bounds = (1, nil)
    } else if take("?") {
      bounds = (0, 1)
    } else {
      bounds = try counted()
    }
    guard let (minimum, maximum) = bounds else { return tree }
    let isLazy = take("?") != flags.isUngreedy
    var isNested = current.map { "*+?".unicodeScalars.contains($0) } ?? false
    if !isNested, current == "{" { isNested = try counted() != nil }
    if isNested {
      throw Fault("invalid nested repetition operator: `\(text(begin..<min(at + 1, scalars.count)))`")
    }
    return .repeated(tree, minimum: minimum, maximum: maximum, isLazy: isLazy)
  }

  /// `{n}`, `{n,}`, `{n,m}`; nil, and nothing is taken, when it is none of them: then the brace is a brace.
  private mutating func counted() throws(LinearPattern.Fault) -> (Int, Int?)? {
    let start = at
    guard take("{"), let minimum = number() else {
      at = start
      return nil
    }
    var maximum: Int? = minimum
    if take(",") { maximum = number() }
    guard take("}") else {
      at = start
      return nil
    }
    guard minimum <= Self.maximumRepeat, maximum ?? 0 <= Self.maximumRepeat, minimum <= maximum ?? .max else {
      throw Fault("invalid repeat count: `\(text(start..<at))`")
    }
    return (minimum, maximum)
  }

  private mutating func number() -> Int? {
    let start = at
    while let scalar = current, ("0"..."9").contains(scalar), at - start < 6 { at += 1 }
    return at > start ? Int(text(start..<at)) : nil
  }

  // MARK: Escapes and classes

  private mutating func escape(_ start: Int) throws(LinearPattern.Fault) -> PatternTree {
    guard let scalar = current else { throw Fault("trailing backslash at end of expression: ``") }
    switch scalar {
    case "A":
      at += 1
      return .assert(.textStart)
    case "z":
      at += 1
      return .assert(.textEnd)
    case "b":
      at += 1
      return .assert(.boundary)
    case "B":
      at += 1
      return .assert(.noBoundary)
    default: break
    }
    if let known = classEscape() { return .scalar(known) }
    return literal(try scalarEscape(start))
  }

  /// `\d` and its like.
  private mutating func classEscape() -> ScalarSet? {
    let set: ScalarSet
    switch current {
    case "d", "D": set = .digit
    case "w", "W": set = .word
    case "s", "S": set = .space
    default: return nil
    }
    let isNegated = current.map { ("A"..."Z").contains($0) } ?? false
    at += 1
    return ScalarSet(ranges: set.ranges, isNegated: isNegated)
  }

  private mutating func scalarEscape(_ start: Int) throws(LinearPattern.Fault) -> Unicode.Scalar {
    guard let scalar = current else { throw Fault("trailing backslash at end of expression: ``") }
    at += 1
    switch scalar {
    case "a": return "\u{07}"
    case "f": return "\u{0C}"
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "v": return "\u{0B}"
    case "x":
      var digits = ""
      if take("{") {
        while let next = current, next != "}", digits.count < 7 {
          digits.unicodeScalars.append(next)
          at += 1
        }
        guard take("}") else { break }
      } else {
        for _ in 0..<2 {
          guard let next = current else { break }
          digits.unicodeScalars.append(next)
          at += 1
        }
        guard digits.count == 2 else { break }
      }
      if !digits.hasPrefix("+"), let value = UInt32(digits, radix: 16), let found = Unicode.Scalar(value) {
        return found
      }
    default:
      if scalar.value < 0x80, !ScalarSet.word.contains(scalar) { return scalar }
    }
    throw Fault("invalid escape sequence: `\(text(start..<at))`")
  }

  private mutating func set(_ start: Int) throws(LinearPattern.Fault) -> ScalarSet {
    var ranges: [ClosedRange<UInt32>] = []
    let isNegated = take("^")
    var isFirst = true
    while let scalar = current, scalar != "]" || isFirst {
      isFirst = false
      if looksAt("[:"), let known = try posix() {
        ranges += known.positiveRanges
        continue
      }
      let place = at
      if take("\\") {
        if let known = classEscape() {
          ranges += known.positiveRanges
          continue
        }
        at = place
      }
      let low = try member()
      var high = low
      if looksAt("-"), at + 1 < scalars.count, scalars[at + 1] != "]" {
        at += 1
        high = try member()
        guard low <= high else { throw Fault("invalid character class range: `\(text(place..<at))`") }
      }
      ranges.append(low.value...high.value)
    }
    guard take("]") else { throw Fault("missing closing ]: `\(text(start..<scalars.count))`") }
    var set = ScalarSet(ranges: ranges)
    if flags.foldsCase { set = set.foldingCase }
    // Without flag s, a negated class still takes a newline in Go's syntax.
    set.isNegated = isNegated
    return set
  }

  private mutating func member() throws(LinearPattern.Fault) -> Unicode.Scalar {
    let start = at
    guard let scalar = current else { throw Fault("missing closing ]: `\(whole)`") }
    at += 1
    return scalar == "\\" ? try scalarEscape(start) : scalar
  }

  /// `[:alpha:]` and its like; nil, and nothing is taken, when no such name is closed.
  private mutating func posix() throws(LinearPattern.Fault) -> ScalarSet? {
    let start = at
    at += 2
    let isNegated = take("^")
    let from = at
    while let scalar = current, ("a"..."z").contains(scalar) { at += 1 }
    let name = text(from..<at)
    guard looksAt(":]") else {
      at = start
      return nil
    }
    at += 2
    guard var set = ScalarSet.posix[name] else {
      throw Fault("invalid character class range: `\(text(start..<at))`")
    }
    set.isNegated = isNegated
    return set
  }
}
