import Crypto
import SPIFFE

/// The functions of agent path templates: Go's own and those of upstream's list (server-plugins §4) that make text out of
/// text and lists. The others of that list are named as what they are: not there yet.
enum TemplateFunctions {
  typealias Body = @Sendable (_ arguments: [TemplateValue]) throws(TemplateError) -> TemplateValue

  /// What any function may make. In bytes.
  static let maximumText = 8192

  /// Functions of upstream's templates that this version does not have.
  private static let missing: Set<String> = Set(
    """
    nospace initials swapcase snakecase camelcase kebabcase wrap wrapWith cat indent nindent plural adler32sum toStrings \
    seq all any base dir clean ext isAbs b64enc b64dec b32enc b32dec tuple dict set unset pluck keys pick omit merge \
    mergeOverwrite mustMerge mustMergeOverwrite values append push mustAppend mustPush prepend mustPrepend mustFirst \
    mustRest mustLast mustInitial mustReverse mustUniq mustWithout mustHas mustSlice mustCompact concat dig chunk \
    mustChunk uuidv4 fail untitle substr slice regexFindAll mustRegexMatch mustRegexFind mustRegexFindAll \
    mustRegexReplaceAll mustRegexReplaceAllLiteral mustRegexSplit regexReplaceAll regexReplaceAllLiteral regexSplit \
    regexFind urlParse urlJoin print printf println html js urlquery call
    """.split(separator: " ").map(String.init)
  ).subtracting(table.keys)

  static func check(_ name: String) throws(TemplateError) {
    if table[name] != nil { return }
    guard !missing.contains(name) else {
      throw TemplateError("function \"\(name)\" is not there yet; use \(table.keys.sorted().joined(separator: ", "))")
    }
    throw TemplateError("function \"\(name)\" not defined")
  }

  static func call(_ name: String, _ arguments: [TemplateValue]) throws(TemplateError) -> TemplateValue {
    guard let body = table[name] else { throw TemplateError("function \"\(name)\" not defined") }
    let result: TemplateValue
    do { result = try body(arguments) } catch { throw TemplateError("error calling \(name): \(error)") }
    if case .string(let text, _) = result, text.utf8.count > maximumText {
      throw TemplateError("error calling \(name): the text is longer than \(maximumText) bytes")
    }
    return result
  }

  // MARK: Arguments

  private static func count(_ arguments: [TemplateValue], _ wanted: ClosedRange<Int>) throws(TemplateError) {
    guard wanted.contains(arguments.count) else {
      throw TemplateError("wrong number of arguments: want \(wanted.lowerBound), got \(arguments.count)")
    }
  }

  private static func text(_ value: TemplateValue) throws(TemplateError) -> String {
    guard case .string(let text, _) = value else {
      throw TemplateError("wrong type: expected string; got \(value.kind)")
    }
    return text
  }

  private static func integer(_ value: TemplateValue) throws(TemplateError) -> Int {
    guard case .integer(let number) = value else { throw TemplateError("wrong type: expected int; got \(value.kind)") }
    return number
  }

  private static func list(_ value: TemplateValue) throws(TemplateError) -> [TemplateValue] {
    guard case .list(let items) = value else { throw TemplateError("wrong type: expected list; got \(value.kind)") }
    return items
  }

  /// A function of one text.
  private static func mapping(_ change: @escaping @Sendable (String) -> String) -> Body {
    { (arguments) throws(TemplateError) in
      try count(arguments, 1...1)
      return .made(change(try text(arguments[0])), of: arguments)
    }
  }

  /// A function of an option and a text, as sprig orders them so that the text can come through a pipe.
  private static func mapping(_ change: @escaping @Sendable (_ option: String, _ text: String) -> String) -> Body {
    { (arguments) throws(TemplateError) in
      try count(arguments, 2...2)
      return .made(change(try text(arguments[0]), try text(arguments[1])), of: arguments)
    }
  }

  private static func testing(_ test: @escaping @Sendable (_ option: String, _ text: String) -> Bool) -> Body {
    { (arguments) throws(TemplateError) in
      try count(arguments, 2...2)
      return .bool(test(try text(arguments[0]), try text(arguments[1])))
    }
  }

  private static func comparing(_ test: @escaping @Sendable (_ a: Int, _ b: Int) -> Bool) -> Body {
    { (arguments) throws(TemplateError) in
      try count(arguments, 2...2)
      return .bool(test(try integer(arguments[0]), try integer(arguments[1])))
    }
  }

  private static func picking(_ pick: @escaping @Sendable ([TemplateValue]) -> TemplateValue) -> Body {
    { (arguments) throws(TemplateError) in
      try count(arguments, 1...1)
      return pick(try list(arguments[0]))
    }
  }

  private static func hex(_ digest: some Digest) -> String {
    digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  // MARK: The table

  private static let table: [String: Body] = texts.merging(lists) { $1 }.merging(logic) { $1 }

  private static let texts: [String: Body] = [
    "upper": mapping { $0.uppercased() }, "lower": mapping { $0.lowercased() },
    "title": mapping(titled), "quote": mapping { "\"" + $0 + "\"" }, "squote": mapping { "'" + $0 + "'" },
    "trim": mapping { trimmed($0, " \t\n\r", front: true, back: true) },
    "nospace": mapping { $0.filter { !$0.isWhitespace } },
    "sha1sum": mapping { hex(Insecure.SHA1.hash(data: Array($0.utf8))) },
    "sha256sum": mapping { hex(SHA256.hash(data: Array($0.utf8))) },
    "regexQuoteMeta": mapping { $0.map { "\\.+*?()|[]{}^$".contains($0) ? "\\\($0)" : "\($0)" }.joined() },
    "trimAll": mapping { trimmed($1, $0, front: true, back: true) },
    "trimPrefix": mapping { $1.hasPrefix($0) ? String($1.dropFirst($0.count)) : $1 },
    "trimSuffix": mapping { $1.hasSuffix($0) ? String($1.dropLast($0.count)) : $1 },
    "contains": testing { $0.isEmpty || $1.contains($0) }, "hasPrefix": testing { $1.hasPrefix($0) },
    "hasSuffix": testing { $1.hasSuffix($0) },
    "trunc": { (arguments) throws(TemplateError) in
      try count(arguments, 2...2)
      let (length, text) = (try integer(arguments[0]), try text(arguments[1]))
      // SPIRE: a negative length keeps the end.
      let bytes = Array(text.utf8)
      let kept = length >= 0 ? bytes.prefix(length) : bytes.suffix(length == .min ? bytes.count : -length)
      return .made(String(decoding: kept, as: UTF8.self), of: arguments)
    },
    "substr": { (arguments) throws(TemplateError) in
      try count(arguments, 3...3)
      let (start, end) = (max(0, try integer(arguments[0])), try integer(arguments[1]))
      let bytes = Array(try text(arguments[2]).utf8)
      let last = end < 0 ? bytes.count : min(end, bytes.count)
      guard start <= last else { throw TemplateError("slice bounds out of range") }
      return .made(String(decoding: bytes[start..<last], as: UTF8.self), of: arguments)
    },
    "repeat": { (arguments) throws(TemplateError) in
      try count(arguments, 2...2)
      let (times, text) = (try integer(arguments[0]), try text(arguments[1]))
      guard (0...maximumText).contains(times), times * text.utf8.count <= maximumText else {
        throw TemplateError("the text is longer than \(maximumText) bytes")
      }
      return .made(String(repeating: text, count: times), of: arguments)
    },
    "replace": { (arguments) throws(TemplateError) in
      try count(arguments, 3...3)
      let (old, new, whole) = (try text(arguments[0]), try text(arguments[1]), try text(arguments[2]))
      guard !old.isEmpty else { throw TemplateError("nothing to replace") }
      guard whole.utf8.count / old.utf8.count * new.utf8.count <= maximumText else {
        throw TemplateError("the text is longer than \(maximumText) bytes")
      }
      return .made(whole.replacing(old, with: new), of: arguments)
    },
    "regexMatch": { (arguments) throws(TemplateError) in
      try count(arguments, 2...2)
      return .bool(try pattern(try text(arguments[0])).matches(try text(arguments[1])))
    },
    "printf": { (arguments) throws(TemplateError) in
      guard let first = arguments.first else { throw TemplateError("wrong number of arguments: want 1, got 0") }
      return .made(try formatted(try text(first), arguments.dropFirst()), of: arguments)
    },
    "print": { (arguments) throws(TemplateError) in
      .made(arguments.map(\.printed).joined(), of: arguments)
    },
    "toString": { (arguments) throws(TemplateError) in
      try count(arguments, 1...1)
      return .made(arguments[0].printed, of: arguments)
    },
  ]

  private static let lists: [String: Body] = [
    "first": picking { $0.first ?? .none }, "last": picking { $0.last ?? .none },
    "rest": picking { .list(Array($0.dropFirst())) }, "initial": picking { .list(Array($0.dropLast())) },
    "reverse": picking { .list($0.reversed()) },
    "compact": picking { .list($0.filter(\.isTrue)) },
    "sortAlpha": picking { .list($0.sorted { $0.printed < $1.printed }) },
    "uniq": picking { items in .list(items.enumerated().filter { !items[..<$0].contains($1) }.map(\.element)) },
    "list": { (arguments) throws(TemplateError) in .list(arguments) },
    "without": { (arguments) throws(TemplateError) in
      try count(arguments, 1...64)
      return .list(try list(arguments[0]).filter { !arguments.dropFirst().contains($0) })
    },
    "has": { (arguments) throws(TemplateError) in
      try count(arguments, 2...2)
      return .bool(try list(arguments[1]).contains(arguments[0]))
    },
    "join": { (arguments) throws(TemplateError) in
      try count(arguments, 2...2)
      let parts = try list(arguments[1])
      return .made(parts.map(\.printed).joined(separator: try text(arguments[0])), of: arguments)
    },
    "splitList": { (arguments) throws(TemplateError) in
      try count(arguments, 2...2)
      let (separator, whole) = (try text(arguments[0]), try text(arguments[1]))
      let parts =
        separator.isEmpty
        ? whole.map(String.init)
        : whole.split(separator: separator, omittingEmptySubsequences: false)
          .map(String.init)
      return .list(parts.map { .made($0, of: arguments) })
    },
    "get": { (arguments) throws(TemplateError) in
      try count(arguments, 2...2)
      guard case .map(let members) = arguments[0] else { throw TemplateError("wrong type: expected map") }
      return members[try text(arguments[1])] ?? .text("")
    },
    "hasKey": { (arguments) throws(TemplateError) in
      try count(arguments, 2...2)
      guard case .map(let members) = arguments[0] else { throw TemplateError("wrong type: expected map") }
      return .bool(members[try text(arguments[1])] != nil)
    },
    "index": { (arguments) throws(TemplateError) in
      guard var value = arguments.first else { throw TemplateError("wrong number of arguments: want 1, got 0") }
      for key in arguments.dropFirst() {
        switch value {
        case .list(let items):
          let place = try integer(key)
          guard items.indices.contains(place) else { throw TemplateError("index out of range: \(place)") }
          value = items[place]
        case .map(let members):
          let name = try text(key)
          guard let member = members[name] else { throw TemplateError("map has no entry for key \"\(name)\"") }
          value = member
        default: throw TemplateError("can't index item of type \(value.kind)")
        }
      }
      return value
    },
    "len": { (arguments) throws(TemplateError) in
      try count(arguments, 1...1)
      switch arguments[0] {
      case .string(let text, _): return .integer(text.utf8.count)
      case .list(let items): return .integer(items.count)
      case .map(let members): return .integer(members.count)
      default: throw TemplateError("len of type \(arguments[0].kind)")
      }
    },
  ]

  private static let logic: [String: Body] = [
    "eq": { (arguments) throws(TemplateError) in
      guard arguments.count > 1 else { throw TemplateError("missing argument for comparison") }
      return .bool(arguments.dropFirst().contains { equal($0, arguments[0]) })
    },
    "ne": { (arguments) throws(TemplateError) in
      try count(arguments, 2...2)
      return .bool(!equal(arguments[0], arguments[1]))
    },
    "lt": comparing { $0 < $1 }, "le": comparing { $0 <= $1 }, "gt": comparing { $0 > $1 },
    "ge": comparing { $0 >= $1 },
    "not": { (arguments) throws(TemplateError) in
      try count(arguments, 1...1)
      return .bool(!arguments[0].isTrue)
    },
    "and": { (arguments) throws(TemplateError) in arguments.first { !$0.isTrue } ?? arguments.last ?? .none },
    "or": { (arguments) throws(TemplateError) in arguments.first { $0.isTrue } ?? arguments.last ?? .none },
    "empty": { (arguments) throws(TemplateError) in
      try count(arguments, 1...1)
      return .bool(!arguments[0].isTrue)
    },
    "coalesce": { (arguments) throws(TemplateError) in arguments.first { $0.isTrue } ?? .none },
    "default": { (arguments) throws(TemplateError) in
      try count(arguments, 1...2)
      return arguments.count == 2 && arguments[1].isTrue ? arguments[1] : arguments[0]
    },
    "ternary": { (arguments) throws(TemplateError) in
      try count(arguments, 3...3)
      return arguments[2].isTrue ? arguments[0] : arguments[1]
    },
  ]

  // MARK: Details

  private static func equal(_ a: TemplateValue, _ b: TemplateValue) -> Bool {
    if case .string(let x, _) = a, case .string(let y, _) = b { return x == y }
    return a == b
  }

  private static func pattern(_ text: String) throws(TemplateError) -> LinearPattern {
    do { return try LinearPattern(text) } catch { throw TemplateError("\(error)") }
  }

  @Sendable private static func titled(_ text: String) -> String {
    var isStart = true
    return text.map { character in
      defer { isStart = character.isWhitespace }
      return isStart ? character.uppercased() : String(character)
    }.joined()
  }

  private static func trimmed(_ text: String, _ cut: String, front: Bool, back: Bool) -> String {
    var rest = text[...]
    while front, let first = rest.first, cut.contains(first) { rest = rest.dropFirst() }
    while back, let last = rest.last, cut.contains(last) { rest = rest.dropLast() }
    return String(rest)
  }

  /// The verbs %s, %v, %d and %q, without flags.
  private static func formatted(
    _ format: String, _ arguments: ArraySlice<TemplateValue>
  ) throws(TemplateError) -> String {
    var (result, rest, arguments) = ("", format[...], arguments)
    while let character = rest.popFirst() {
      guard character == "%" else {
        result.append(character)
        continue
      }
      let verb = rest.popFirst()
      if verb == "%" {
        result.append("%")
        continue
      }
      guard let verb, "svdq".contains(verb) else { throw TemplateError("only %s, %v, %d, %q and %% are supported") }
      guard let value = arguments.popFirst() else { throw TemplateError("too few arguments for \(format)") }
      result += verb == "q" ? "\"" + value.printed + "\"" : value.printed
    }
    guard arguments.isEmpty else { throw TemplateError("too many arguments for \(format)") }
    return result
  }
}
