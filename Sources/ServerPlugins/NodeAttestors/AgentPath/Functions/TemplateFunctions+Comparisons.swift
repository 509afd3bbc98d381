/// Go's own functions that compare and look into values.
extension TemplateFunctions {
  static let comparisons: [String: TemplateFunction] = [
    "eq": TemplateFunction(1...) { call in
      let others = call.arguments.dropFirst()
      guard !others.isEmpty else { throw TemplateError("missing argument for comparison") }
      for other in others where try areEqual(call.arguments[0], other, &call.memory) { return .bool(true) }
      return .bool(false)
    },
    "ne": TemplateFunction(2) { .bool(!(try areEqual($0.arguments[0], $0.arguments[1], &$0.memory))) },
    "lt": TemplateFunction(2) { .bool(try isLess($0)) },
    "le": TemplateFunction(2) { .bool(try isLessOrEqual(&$0)) },
    "gt": TemplateFunction(2) { .bool(!(try isLessOrEqual(&$0))) },
    "ge": TemplateFunction(2) { .bool(!(try isLess($0))) },
    "not": TemplateFunction(1) { .bool(!$0.memory.isTrue($0.arguments[0])) },
    // Evaluated by the execution, which does not look at all of their arguments.
    "and": TemplateFunction(1...) { $0.arguments[0] }, "or": TemplateFunction(1...) { $0.arguments[0] },
    "len": TemplateFunction(1) { call in
      switch call.arguments[0] {
      case .string(let text): return .integer(text.bytes.count)
      case .items(let items, _): return .integer(items.count)
      case .bytes(let bytes): return .integer(bytes.count)
      case .none: throw TemplateError("len of nil pointer")
      case let value:
        guard let count = call.memory.count(of: value) else { throw TemplateError("len of type \(value.type)") }
        return .integer(count)
      }
    },
    "index": TemplateFunction(1...) { call in
      var value = call.arguments[0]
      if case .none = value { throw TemplateError("index of untyped nil") }
      for key in call.arguments.dropFirst() { value = try element(key, of: value, call.memory) }
      return value
    },
    "call": TemplateFunction(1...) { call in
      if case .none = call.arguments[0] { throw TemplateError("call of nil") }
      throw TemplateError("non-function of type \(call.arguments[0].type)")
    },
  ]

  private static func element(
    _ key: TemplateValue, of value: TemplateValue, _ memory: TemplateMemory
  ) throws(TemplateError) -> TemplateValue {
    func place(_ count: Int) throws(TemplateError) -> Int {
      switch key {
      case .integer(let place):
        guard place >= 0, place < count else { throw TemplateError("index out of range: \(place)") }
        return place
      case .none: throw TemplateError("cannot index slice/array with nil")
      default: throw TemplateError("cannot index slice/array with type \(key.type)")
      }
    }
    switch value {
    case .items(let items, _): return items[try place(items.count)]
    case .bytes(let bytes): return .integer(Int(bytes[try place(bytes.count)]))
    case .string(let text): return .integer(Int(text.bytes[try place(text.bytes.count)]))
    case .none: throw TemplateError("index of nil pointer")
    case .dictionary, .members:
      guard memory.count(of: value) != nil else { throw TemplateError("can't index item of type \(value.type)") }
      guard case .string(let name) = key else {
        throw TemplateError("value has type \(key.type); should be string")
      }
      if let member = memory.member(name.bytes, of: value) { return member }
      // A key that is not there has the value that Go gives to nothing: no text in a map of texts.
      if case .members = value { return .text("") }
      return .none
    default: throw TemplateError("can't index item of type \(value.type)")
    }
  }

  private static func areEqual(
    _ a: TemplateValue, _ b: TemplateValue, _ memory: inout TemplateMemory
  ) throws(TemplateError) -> Bool {
    switch (a, b) {
    case (.none, .none): return true
    case (.none, _), (_, .none): return false
    case (.bool, .bool), (.integer, .integer), (.float, .float), (.string, .string):
      return try memory.areEqual(a, b)
    case (.bool, _), (.integer, _), (.float, _), (.string, _), (_, .bool), (_, .integer), (_, .float), (_, .string):
      throw TemplateError("incompatible types for comparison")
    default: throw TemplateError("non-comparable types \(a.type), \(b.type)")
    }
  }

  private static func isLess(_ call: TemplateCall) throws(TemplateError) -> Bool {
    switch (call.arguments[0], call.arguments[1]) {
    case (.integer(let a), .integer(let b)): return a < b
    case (.float(let a), .float(let b)): return a < b
    case (.string(let a), .string(let b)): return a.bytes.lexicographicallyPrecedes(b.bytes)
    case (.bool, .bool): throw TemplateError("invalid type for comparison")
    case (.bool, _), (.integer, _), (.float, _), (.string, _):
      switch call.arguments[1] {
      case .bool, .integer, .float, .string: throw TemplateError("incompatible types for comparison")
      default: throw TemplateError("invalid type for comparison")
      }
    default: throw TemplateError("invalid type for comparison")
    }
  }

  private static func isLessOrEqual(_ call: inout TemplateCall) throws(TemplateError) -> Bool {
    if try isLess(call) { return true }
    return try areEqual(call.arguments[0], call.arguments[1], &call.memory)
  }
}
