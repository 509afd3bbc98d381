/// Functions of sprig that make lists, and those that look into them.
extension TemplateFunctions {
  /// The function and its `must…` variant, which here are the same: what panics is an error.
  static func variants(_ names: [String], _ function: TemplateFunction) -> [(String, TemplateFunction)] {
    names.flatMap { name in
      [(name, function), ("must" + name.prefix(1).uppercased() + name.dropFirst(), function)]
    }
  }

  static let lists: [String: TemplateFunction] = [
    "list": TemplateFunction(0...) { .list($0.arguments) }, "tuple": TemplateFunction(0...) { .list($0.arguments) },
    "splitList": TemplateFunction(2) { call in
      let (separator, text) = (try call.text(0), try call.text(1))
      guard !separator.isEmpty else { return try call.made(GoRunes.decode(text).map { GoRunes.encode($0.scalar) }) }
      var parts: [[UInt8]] = []
      var from = 0
      for place in places(of: separator, in: text) {
        parts.append(Array(text[from..<place]))
        from = place + separator.count
      }
      return try call.made(parts + [Array(text[from...])])
    },
    "join": TemplateFunction(2) { call in
      let separator = try call.text(0)
      return try call.made(Array(try strings(call.arguments[1], &call).joined(separator: separator)))
    },
    "toStrings": TemplateFunction(1) { try $0.made(try strings($0.arguments[0], &$0)) },
    "sortAlpha": TemplateFunction(1) { call in
      guard TemplateCall.items(of: call.arguments[0]) != nil else {
        return try call.made([try call.shown(call.arguments[0])])
      }
      let texts = try strings(call.arguments[0], &call)
      try call.memory.spend(texts.count * 4)
      return try call.made(texts.sorted { $0.lexicographicallyPrecedes($1) })
    },
    "seq": TemplateFunction(0...) { call in
      var numbers: [Int] = []
      for index in call.arguments.indices { numbers.append(try call.integer(index)) }
      return .text(try sequence(numbers))
    },
    "concat": TemplateFunction(0...) { call in
      var all: [TemplateValue] = []
      for index in call.arguments.indices {
        guard let items = TemplateCall.items(of: call.arguments[index]) else {
          throw TemplateError("Cannot concat type \(call.arguments[index].kind) as list")
        }
        all += items
        guard all.count <= TemplateMemory.maximumItems else { break }
      }
      return .list(all)
    },
  ]

  /// sprig's `toStrings`: what is no list is one text, and nothing is left out.
  static func strings(_ value: TemplateValue, _ call: inout TemplateCall) throws -> [[UInt8]] {
    if case .none = value { return [] }
    guard let items = TemplateCall.items(of: value) else { return [try call.shown(value)] }
    var texts: [[UInt8]] = []
    for item in items {
      if case .none = item { continue }
      texts.append(try call.shown(item))
    }
    guard texts.reduce(0, { $0 + $1.count }) <= 8 * TemplateMemory.maximumText else { throw tooLong }
    return texts
  }

  /// As Bash's `seq` counts.
  private static func sequence(_ numbers: [Int]) throws(TemplateError) -> String {
    let (start, step, end): (Int, Int, Int)
    switch numbers.count {
    case 1: (start, step, end) = (1, numbers[0] < 1 ? -1 : 1, numbers[0])
    case 2: (start, step, end) = (numbers[0], numbers[1] < numbers[0] ? -1 : 1, numbers[1])
    case 3:
      (start, step, end) = (numbers[0], numbers[1], numbers[2])
      if end < start, step > 0 { return "" }
    default: return ""
    }
    let stop = end &+ (end < start ? -1 : 1)
    guard stop < start ? step < 0 : step > 0 else { return "" }
    var parts: [String] = []
    var at = start
    while stop < start ? at > stop : at < stop {
      parts.append("\(at)")
      guard parts.count <= TemplateMemory.maximumItems else { throw tooLong }
      let (next, overflow) = at.addingReportingOverflow(step)
      if overflow { break }
      at = next
    }
    return parts.joined(separator: " ")
  }

  static let listParts: [String: TemplateFunction] = Dictionary(
    variants(
      ["first"], TemplateFunction(1) { try $0.items(0, "Cannot find first on type").first ?? .none })
      + variants(["last"], TemplateFunction(1) { try $0.items(0, "Cannot find last on type").last ?? .none })
      + variants(
        ["rest"], TemplateFunction(1) { .list(Array(try $0.items(0, "Cannot find rest on type").dropFirst())) })
      + variants(
        ["initial"], TemplateFunction(1) { .list(Array(try $0.items(0, "Cannot find initial on type").dropLast())) })
      + variants(["reverse"], TemplateFunction(1) { .list(try $0.items(0, "Cannot find reverse on type").reversed()) })
      + variants(
        ["compact"],
        TemplateFunction(1) { call in
          .list(try call.items(0, "Cannot compact on type").filter { !isEmpty($0, call) })
        })
      + variants(
        ["append", "push"], TemplateFunction(2) { .list(try $0.items(0, "Cannot push on type") + [$0.arguments[1]]) })
      + variants(
        ["prepend"], TemplateFunction(2) { .list([$0.arguments[1]] + (try $0.items(0, "Cannot prepend on type"))) })
      + variants(["uniq"], TemplateFunction(1, uniq)) + variants(["without"], TemplateFunction(1..., without))
      + variants(
        ["has"],
        TemplateFunction(2) { call in
          if case .none = call.arguments[1] { return .bool(false) }
          return .bool(try contains(call.items(1, "Cannot find has on type"), call.arguments[0], &call))
        })
      + variants(["slice"], TemplateFunction(1..., slice)) + variants(["chunk"], TemplateFunction(2, chunk)),
    uniquingKeysWith: { $1 })

  private static func contains(
    _ items: [TemplateValue], _ wanted: TemplateValue, _ call: inout TemplateCall
  ) throws -> Bool {
    for item in items where try call.memory.areEqual(wanted, item) { return true }
    return false
  }

  @Sendable private static func uniq(_ call: inout TemplateCall) throws -> TemplateValue {
    var kept: [TemplateValue] = []
    for item in try call.items(0, "Cannot find uniq on type") where try !contains(kept, item, &call) {
      kept.append(item)
    }
    return .list(kept)
  }

  @Sendable private static func without(_ call: inout TemplateCall) throws -> TemplateValue {
    let omitted = Array(call.arguments.dropFirst())
    var kept: [TemplateValue] = []
    for item in try call.items(0, "Cannot find without on type") where try !contains(omitted, item, &call) {
      kept.append(item)
    }
    return .list(kept)
  }

  @Sendable private static func slice(_ call: inout TemplateCall) throws -> TemplateValue {
    let items = try call.items(0, "list should be type of slice or array but")
    guard !items.isEmpty else { return .none }
    let start = call.arguments.count > 1 ? number(call.arguments[1]) : 0
    let end = call.arguments.count > 2 ? number(call.arguments[2]) : items.count
    guard start >= 0, start <= end, end <= items.count else {
      throw TemplateError("reflect.Value.Slice: slice index out of bounds")
    }
    return .list(Array(items[start..<end]))
  }

  /// A number as sprig casts it: what is none is 0.
  private static func number(_ value: TemplateValue) -> Int {
    switch value {
    case .integer(let number): number
    case .float(let number): Int(exactly: number.rounded(.towardZero)) ?? 0
    case .bool(let bool): bool ? 1 : 0
    case .string(let text): Int(text.string) ?? 0
    default: 0
    }
  }

  /// Lists of `size` elements and a last one with those that are left.
  @Sendable private static func chunk(_ call: inout TemplateCall) throws -> TemplateValue {
    let (size, items) = (try call.integer(0), try call.items(1, "Cannot chunk type"))
    // SPIRE: sprig counts in floating point, so that some negative sizes are taken.
    let count = ((Double(items.count) - 1) / Double(size)).rounded(.down) + 1
    guard let chunks = Int(exactly: count), chunks >= 0 else { throw TemplateError("makeslice: len out of range") }
    var all: [TemplateValue] = []
    for index in 0..<chunks {
      let rest = items.count % size
      let length = index == chunks - 1 && rest != 0 ? rest : size
      guard length >= 0, index * size + length <= items.count else {
        throw TemplateError("makeslice: len out of range")
      }
      all.append(.list(Array(items[(index * size)..<(index * size + length)])))
    }
    return .list(all)
  }
}
