/// One execution of a template. Owned by the call; bounded by its ``TemplateMemory``.
struct TemplateRun {
  /// How many templates and blocks may stand in each other.
  private static let maximumDepth = 100

  private let defined: [String: [TemplateNode]]
  private var memory = TemplateMemory()
  private var dot: TemplateValue
  private var variables: [(name: String, value: TemplateValue)]
  private var depth = 0
  private(set) var output: [UInt8] = []

  init(_ template: ParsedTemplate, _ data: TemplateValue) {
    defined = template.defined
    dot = data
    variables = [("", data)]
  }

  /// Writes what the nodes make; says when `break` or `continue` left them.
  @discardableResult
  mutating func write(_ nodes: [TemplateNode]) throws(TemplateError) -> TemplateLeave? {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maximumDepth else { throw TemplateError("exceeded maximum template depth") }
    for node in nodes {
      try memory.spend(1)
      switch node {
      case .text(let text): try add(text)
      case .output(let pipeline):
        let value = try value(of: pipeline)
        if pipeline.variables.isEmpty { try add(value) }
      case .choice(let condition, let then, let otherwise, let changesDot):
        if let leave = try choose(condition, then, otherwise, changesDot) { return leave }
      case .range(let pipeline, let body, let otherwise):
        if let leave = try range(pipeline, body, otherwise) { return leave }
      case .template(let name, let pipeline): try call(name, pipeline)
      case .leave(let leave): return leave
      }
    }
    return nil
  }

  private mutating func add(_ text: [UInt8]) throws(TemplateError) {
    guard output.count + text.count <= TemplateMemory.maximumText else { throw TemplateError("the path is too long") }
    output += text
  }

  private mutating func add(_ value: TemplateValue) throws(TemplateError) {
    if case .none = value { throw TemplateError("a part of the path has no value") }
    let printed = try memory.printed(value)
    guard try !memory.origin(of: [value]).hasForeignSlash else {
      throw TemplateError(
        "\"\(String(decoding: printed.prefix(128), as: UTF8.self))\" comes from the node and has a slash, "
          + "which would add a segment to the path")
    }
    try add(printed)
  }

  // MARK: Control

  private mutating func choose(
    _ condition: TemplatePipeline, _ then: [TemplateNode], _ otherwise: [TemplateNode], _ changesDot: Bool
  ) throws(TemplateError) -> TemplateLeave? {
    let outside = (dot, variables.count)
    defer {
      dot = outside.0
      variables.removeSubrange(outside.1...)
    }
    let value = try value(of: condition)
    guard memory.isTrue(value) else { return try write(otherwise) }
    if changesDot { dot = value }
    return try write(then)
  }

  private mutating func range(
    _ pipeline: TemplatePipeline, _ body: [TemplateNode], _ otherwise: [TemplateNode]
  ) throws(TemplateError) -> TemplateLeave? {
    let outside = (dot, variables.count)
    defer {
      dot = outside.0
      variables.removeSubrange(outside.1...)
    }
    let value = try value(of: pipeline, declares: false)
    if !pipeline.assigns { variables += pipeline.variables.map { ($0, value) } }
    let inner = variables.count
    var isEmpty = true
    var turn: [(key: TemplateValue, value: TemplateValue)] = []
    switch value {
    case .items(let items, _): turn = items.enumerated().map { (.integer($0), $1) }
    case .bytes(let bytes): turn = bytes.enumerated().map { (.integer($0), .integer(Int($1))) }
    case .none: break
    case .integer(let count):
      guard pipeline.variables.count < 2 else {
        throw TemplateError("can't use \(count) to iterate over more than one variable")
      }
      guard count <= TemplateMemory.allWork else { throw TemplateError("the template takes too many steps") }
      turn = (0..<max(count, 0)).map { (.integer($0), .integer($0)) }
    default:
      guard let entries = try memory.entries(of: value) else {
        throw TemplateError("range can't iterate over \(String(decoding: try memory.printed(value), as: UTF8.self))")
      }
      turn = entries.map { (.string($0.key), $0.value) }
    }
    for (key, element) in turn {
      isEmpty = false
      try memory.spend(1)
      try bind(pipeline, key, element)
      dot = element
      let leave = try write(body)
      variables.removeSubrange(inner...)
      if leave == .break { break }
    }
    guard isEmpty else { return nil }
    dot = outside.0
    return try write(otherwise)
  }

  /// One variable is the element; of two the first is its place or key.
  private mutating func bind(
    _ pipeline: TemplatePipeline, _ key: TemplateValue, _ element: TemplateValue
  ) throws(TemplateError) {
    let values = pipeline.variables.count == 2 ? [key, element] : [element]
    for (name, value) in zip(pipeline.variables, values) { assign(name, value) }
  }

  private mutating func assign(_ name: String, _ value: TemplateValue) {
    if let place = variables.lastIndex(where: { $0.name == name }) { variables[place].value = value }
  }

  private mutating func call(_ name: String, _ pipeline: TemplatePipeline?) throws(TemplateError) {
    guard let body = defined[name] else { throw TemplateError("template \"\(name)\" not defined") }
    let argument = if let pipeline { try value(of: pipeline) } else { TemplateValue.none }
    let outside = (dot, variables)
    defer { (dot, variables) = outside }
    (dot, variables) = (argument, [("", argument)])
    try write(body)
  }

  // MARK: Values

  private mutating func value(
    of pipeline: TemplatePipeline, declares: Bool = true
  ) throws(TemplateError) -> TemplateValue {
    var piped: TemplateValue?
    for command in pipeline.commands { piped = try value(of: command, piped) }
    let result = piped ?? .none
    if declares, let name = pipeline.variables.first {
      if pipeline.assigns { assign(name, result) } else { variables.append((name, result)) }
    }
    return result
  }

  private mutating func value(
    of command: [TemplateOperand], _ piped: TemplateValue?
  ) throws(TemplateError) -> TemplateValue {
    guard let first = command.first else { return piped ?? .none }
    guard case .function(let name) = first else { return try value(of: first) }
    if name == "and" || name == "or" { return try shortcut(name, command.dropFirst(), piped) }
    var arguments: [TemplateValue] = []
    for operand in command.dropFirst() { arguments.append(try value(of: operand)) }
    if let piped { arguments.append(piped) }
    return try TemplateFunctions.call(name, arguments, &memory)
  }

  /// `and` and `or` look at no argument behind the one that decides.
  private mutating func shortcut(
    _ name: String, _ operands: ArraySlice<TemplateOperand>, _ piped: TemplateValue?
  ) throws(TemplateError) -> TemplateValue {
    var result: TemplateValue?
    for operand in operands {
      let value = try value(of: operand)
      result = value
      if memory.isTrue(value) == (name == "or") { return value }
    }
    guard let last = piped ?? result else {
      throw TemplateError("wrong number of args for \(name): want at least 1 got 0")
    }
    return last
  }

  private mutating func value(of operand: TemplateOperand) throws(TemplateError) -> TemplateValue {
    try memory.spend(1)
    switch operand {
    case .constant(let value): return value
    case .function: return try value(of: [operand], nil)
    case .dot: return dot
    case .variable(let name): return variables.last { $0.name == name }?.value ?? .none
    case .pipeline(let pipeline): return try value(of: pipeline)
    case .fields(let base, let names):
      var value = try value(of: base)
      for name in names { value = try field(name, of: value) }
      return value
    }
  }

  private func field(_ name: String, of value: TemplateValue) throws(TemplateError) -> TemplateValue {
    if let member = memory.member(Array(name.utf8), of: value) { return member }
    switch value {
    case .members(let members) where members.isStructure:
      throw TemplateError("can't evaluate field \(name) in type \(value.type)")
    case .members, .dictionary: throw TemplateError("map has no entry for key \"\(name)\"")
    case .none: throw TemplateError("nil data; no entry for key \"\(name)\"")
    default: throw TemplateError("can't evaluate field \(name) in type \(value.type)")
    }
  }
}
