extension TemplateParser {
  /// The pipeline that the words of the action are. Variables that it declares are there from now on.
  mutating func pipeline(in context: String) throws(TemplateError) -> TemplatePipeline {
    let (declared, assigns) = try declaration(in: context)
    var result = try commands(in: context)
    guard tokens.isEmpty else { throw TemplateError("unexpected right paren") }
    result.variables = declared
    result.assigns = assigns
    if assigns {
      for name in declared { try checkVariable(name) }
    } else {
      variables += declared
    }
    return result
  }

  /// `$x :=`, `$x =`, and in a range `$i, $x :=`.
  private mutating func declaration(
    in context: String
  ) throws(TemplateError) -> (variables: [String], assigns: Bool) {
    let start = tokens
    var names: [String] = []
    while true {
      skipSpace()
      guard case .variable(let name)? = tokens.popFirst() else { break }
      names.append(name)
      skipSpace()
      switch tokens.first {
      case .declare, .assign:
        guard names.count == 1 || context == "range" && names.count == 2 else {
          throw TemplateError("too many declarations in \(context)")
        }
        defer { tokens = tokens.dropFirst() }
        if case .assign? = tokens.first { return (names, true) }
        return (names, false)
      case .comma:
        guard context == "range", names.count == 1 else { throw TemplateError("too many declarations in \(context)") }
        tokens = tokens.dropFirst()
        continue
      default: break
      }
      break
    }
    guard names.count < 2 else { throw TemplateError("range can only initialize variables") }
    tokens = start
    return ([], false)
  }

  private func checkVariable(_ name: String) throws(TemplateError) {
    guard variables.contains(name) else { throw TemplateError("undefined variable \"$\(name)\"") }
  }

  /// Commands up to the end of the action or a closing parenthesis.
  private mutating func commands(in context: String) throws(TemplateError) -> TemplatePipeline {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maximumDepth else { throw TemplateError("nested too deeply") }
    var commands: [[TemplateOperand]] = []
    while true {
      skipSpace()
      var isPiped = false
      let command = try command(&isPiped)
      guard !command.isEmpty else {
        throw TemplateError(commands.isEmpty && !isPiped ? "missing value for \(context)" : "empty command")
      }
      if command.count > 1 || !commands.isEmpty {
        guard case .function? = command.first else {
          throw TemplateError("non executable command: only a function takes arguments")
        }
      }
      if command.count == 1, case .constant(.none)? = command.first { throw TemplateError("nil is not a command") }
      commands.append(command)
      guard isPiped else { return TemplatePipeline(commands: commands) }
    }
  }

  /// The operands up to a pipe, which is taken, or the end.
  private mutating func command(_ isPiped: inout Bool) throws(TemplateError) -> [TemplateOperand] {
    var operands: [TemplateOperand] = []
    while true {
      skipSpace()
      if let token = tokens.first, !Self.ends(token) { operands.append(try operand()) }
      switch tokens.first {
      case .space: continue
      case .pipe:
        tokens = tokens.dropFirst()
        isPiped = true
        return operands
      case nil, .close: return operands
      default: throw TemplateError("unexpected word in operand")
      }
    }
  }

  private static func ends(_ token: TemplateLexer.Token) -> Bool {
    switch token {
    case .pipe, .close: true
    default: false
    }
  }

  /// A term with the fields behind it.
  private mutating func operand() throws(TemplateError) -> TemplateOperand {
    guard let token = tokens.popFirst() else { throw TemplateError("missing value for command") }
    let term: TemplateOperand
    var names: [String] = []
    var takesFields = true
    switch token {
    case .string(let bytes): (term, takesFields) = (.constant(.string(TemplateText(bytes))), false)
    case .number(let number): (term, takesFields) = (.constant(number), false)
    case .word("true"): (term, takesFields) = (.constant(.bool(true)), false)
    case .word("false"): (term, takesFields) = (.constant(.bool(false)), false)
    case .word("nil"): (term, takesFields) = (.constant(.none), false)
    case .word(let name):
      guard TemplateFunctions.table[name] != nil else { throw TemplateError("function \"\(name)\" not defined") }
      term = .function(name)
    case .dot: (term, takesFields) = (.dot, false)
    case .field(let name):
      term = .dot
      names = [name]
    case .variable(let name):
      try checkVariable(name)
      term = .variable(name)
    case .open:
      term = .pipeline(try commands(in: "parenthesized pipeline"))
      guard case .close? = tokens.popFirst() else { throw TemplateError("unclosed left paren") }
    case .close, .pipe, .declare, .assign, .comma, .space: throw TemplateError("unexpected word in operand")
    }
    while case .field(let name)? = tokens.first {
      guard takesFields else { throw TemplateError("unexpected . after term") }
      names.append(name)
      tokens = tokens.dropFirst()
    }
    try checkField(of: term, names.first)
    return names.isEmpty ? term : .fields(of: term, names)
  }

  private func checkField(of term: TemplateOperand, _ name: String?) throws(TemplateError) {
    guard let name else { return }
    let isRoot: Bool
    switch term {
    case .dot: isRoot = dotIsRoot
    case .variable(""): isRoot = dollarIsRoot
    default: isRoot = false
    }
    guard !isRoot || fields.contains(name) else {
      throw TemplateError("there is no field .\(name); there are .\(fields.sorted().joined(separator: ", ."))")
    }
  }
}
