/// Functions of sprig on dictionaries. What reads one also reads a map of the node.
extension TemplateFunctions {
  static let dictionaries: [String: TemplateFunction] = [
    "dict": TemplateFunction(0...) { call in
      var entries: [TemplateMemory.Entry] = []
      for index in stride(from: 0, to: call.arguments.count, by: 2) {
        let value = index + 1 < call.arguments.count ? call.arguments[index + 1] : .text("")
        guard value.depth < TemplateMemory.maximumDepth else { throw TemplateError("lists are nested too deeply") }
        entries.append(TemplateMemory.Entry(key: try key(call.arguments[index], &call), value: value))
      }
      return try call.memory.make(entries)
    },
    "get": TemplateFunction(2) { call in
      call.memory.member(try call.text(1), of: try call.map(0)) ?? .text("")
    },
    "set": TemplateFunction(3) { call in
      try call.memory.set(try call.dictionary(0), try call.key(1), call.arguments[2])
      return call.arguments[0]
    },
    "unset": TemplateFunction(2) { call in
      call.memory.remove(try call.dictionary(0), try call.text(1))
      return call.arguments[0]
    },
    "hasKey": TemplateFunction(2) { call in
      .bool(call.memory.member(try call.text(1), of: try call.map(0)) != nil)
    },
    "pluck": TemplateFunction(1...) { call in
      let key = try call.text(0)
      var found: [TemplateValue] = []
      for index in call.arguments.indices.dropFirst() {
        if let value = call.memory.member(key, of: try call.map(index)) { found.append(value) }
      }
      return .list(found)
    },
    "keys": TemplateFunction(0...) { call in
      var keys: [TemplateValue] = []
      for index in call.arguments.indices { keys += try call.entries(index).map { .string($0.key) } }
      return .list(keys)
    },
    "values": TemplateFunction(1) { .list(try $0.entries(0).map(\.value)) },
    "pick": TemplateFunction(1...) { call in
      let wanted = try names(call)
      return try call.memory.make(try call.entries(0).filter { wanted.contains($0.key.bytes) })
    },
    "omit": TemplateFunction(1...) { call in
      let unwanted = try names(call)
      return try call.memory.make(try call.entries(0).filter { !unwanted.contains($0.key.bytes) })
    },
    "merge": TemplateFunction(1...) { try merge(&$0, overwrites: false) },
    "mustMerge": TemplateFunction(1...) { try merge(&$0, overwrites: false) },
    "mergeOverwrite": TemplateFunction(1...) { try merge(&$0, overwrites: true) },
    "mustMergeOverwrite": TemplateFunction(1...) { try merge(&$0, overwrites: true) },
    "dig": TemplateFunction(0...) { call in
      guard call.arguments.count >= 3 else { throw TemplateError("dig needs at least three arguments") }
      let last = call.arguments.count - 1
      var at = try call.map(last)
      for index in 0..<(last - 1) {
        guard call.memory.count(of: at) != nil else {
          throw TemplateError("interface conversion: interface {} is \(at.type), not map[string]interface {}")
        }
        guard let next = call.memory.member(try call.text(index), of: at) else { return call.arguments[last - 1] }
        at = next
      }
      return at
    },
  ]

  private static func key(_ value: TemplateValue, _ call: inout TemplateCall) throws -> TemplateText {
    if case .string(let text) = value { return text }
    let origin = try call.memory.origin(of: [value])
    var text = TemplateText(try call.shown(value))
    (text.isForeign, text.hasForeignSlash) = (origin.isForeign, origin.hasForeignSlash)
    return text
  }

  private static func names(_ call: TemplateCall) throws -> Set<[UInt8]> {
    var names: Set<[UInt8]> = []
    for index in call.arguments.indices.dropFirst() { names.insert(try call.text(index)) }
    return names
  }

  // MARK: Merging

  private static func merge(_ call: inout TemplateCall, overwrites: Bool) throws -> TemplateValue {
    let place = try call.dictionary(0)
    for index in call.arguments.indices.dropFirst() {
      try merge(try call.entries(index), into: place, overwrites: overwrites, &call.memory, depth: 0)
    }
    return call.arguments[0]
  }

  /// What is not there, or empty, is taken; what is a dictionary on both sides is merged; everything else stays unless it is
  /// overwritten.
  private static func merge(
    _ entries: [TemplateMemory.Entry], into place: Int, overwrites: Bool, _ memory: inout TemplateMemory, depth: Int
  ) throws {
    guard depth <= TemplateMemory.maximumDepth else { throw TemplateError("dictionaries are nested too deeply") }
    for entry in entries {
      let old = memory.member(entry.key.bytes, of: .dictionary(place)) ?? .none
      if case .none = entry.value {
        if overwrites { try memory.set(place, entry.key, .none) }
        continue
      }
      if case .dictionary(let inner) = old, let others = try memory.entries(of: entry.value) {
        try merge(others, into: inner, overwrites: overwrites, &memory, depth: depth + 1)
        if memory.isTrue(old) { continue }
      }
      if overwrites || !memory.isTrue(old) { try memory.set(place, entry.key, entry.value) }
    }
  }
}
