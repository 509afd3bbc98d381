/// The tree of a template: Go's text/template with `if`, `with`, variables, pipelines and parentheses. `range`, `define`
/// and their like make no paths and are refused. Bounded in depth.
indirect enum TemplateNode: Sendable {
  case text(String)
  case output(TemplatePipeline)
  case choice([(condition: TemplatePipeline, body: [TemplateNode])], otherwise: [TemplateNode], changesDot: Bool)
}

/// `$name := command | command | …`
struct TemplatePipeline: Hashable, Sendable {
  var variable: String?
  /// The operands of each command, a function's name first.
  var commands: [[TemplateOperand]]
}

indirect enum TemplateOperand: Hashable, Sendable {
  case constant(TemplateValue)
  case function(String)
  /// Fields of a value, one below the other.
  case fields(of: TemplateOperand, [String])
  case dot
  case variable(String)
  case pipeline(TemplatePipeline)
}

struct TemplateParser {
  private static let maximumDepth = 32
  private static let refused: Set<String> = ["range", "define", "template", "block", "break", "continue"]

  private var pieces: ArraySlice<TemplateLexer.Piece>
  private let fields: Set<String>
  /// How many `with` stand around: below one, the dot is not the root.
  private var dotDepth = 0
  private var depth = 0
  private var variables: Set<String> = [""]

  /// The nodes of `template`; fields that are not among `fields` and functions that do not exist are refused here.
  static func parse(_ template: String, fields: Set<String>) throws(TemplateError) -> [TemplateNode] {
    var parser = TemplateParser(pieces: try TemplateLexer.pieces(template)[...], fields: fields)
    let (nodes, end) = try parser.list()
    guard end == nil else { throw TemplateError("unexpected {{\(end ?? "")}}") }
    return nodes
  }

  private init(pieces: ArraySlice<TemplateLexer.Piece>, fields: Set<String>) {
    self.pieces = pieces
    self.fields = fields
  }

  /// Nodes up to `else` or `end`, which is returned (with what follows `else`), or to the end of the template.
  private mutating func list() throws(TemplateError) -> ([TemplateNode], String?) {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maximumDepth else { throw TemplateError("nested too deeply") }
    var nodes: [TemplateNode] = []
    while let piece = pieces.popFirst() {
      guard case .action(let tokens) = piece else {
        if case .text(let text) = piece { nodes.append(.text(text)) }
        continue
      }
      guard case .word(let word)? = tokens.first else {
        nodes.append(.output(try pipeline(tokens[...])))
        continue
      }
      switch word {
      case "end": return (nodes, "end")
      case "else":
        pieces = [.action(Array(tokens.dropFirst()))] + pieces
        return (nodes, "else")
      case "if", "with": nodes.append(try choice(tokens.dropFirst(), changesDot: word == "with"))
      case _ where Self.refused.contains(word): throw TemplateError("{{\(word)}} is not supported by this version")
      default: nodes.append(.output(try pipeline(tokens[...])))
      }
    }
    return (nodes, nil)
  }

  private mutating func choice(
    _ condition: ArraySlice<TemplateLexer.Token>, changesDot: Bool
  ) throws(TemplateError) -> TemplateNode {
    var branches: [(condition: TemplatePipeline, body: [TemplateNode])] = []
    var condition = condition
    while true {
      let test = try pipeline(condition)
      if changesDot { dotDepth += 1 }
      let (body, end) = try list()
      if changesDot { dotDepth -= 1 }
      branches.append((test, body))
      guard end != nil else { throw TemplateError("unexpected EOF") }
      guard end == "else" else { return .choice(branches, otherwise: [], changesDot: changesDot) }
      guard case .action(let rest)? = pieces.popFirst() else { throw TemplateError("unexpected EOF") }
      if rest.isEmpty {
        let (otherwise, end) = try list()
        guard end == "end" else { throw TemplateError("expected {{end}}") }
        return .choice(branches, otherwise: otherwise, changesDot: changesDot)
      }
      guard rest.first == .word(changesDot ? "with" : "if") else { throw TemplateError("unexpected words after else") }
      condition = rest.dropFirst()
    }
  }

  // MARK: Pipelines

  private mutating func pipeline(_ tokens: ArraySlice<TemplateLexer.Token>) throws(TemplateError) -> TemplatePipeline {
    var tokens = tokens
    var variable: String?
    if case .variable(let name, [])? = tokens.first, tokens.dropFirst().first == .declare {
      variable = name
      tokens = tokens.dropFirst(2)
    }
    let result = try commands(&tokens)
    guard tokens.isEmpty else { throw TemplateError("unexpected right paren") }
    if let variable { variables.insert(variable) }
    return TemplatePipeline(variable: variable, commands: result)
  }

  private mutating func commands(
    _ tokens: inout ArraySlice<TemplateLexer.Token>
  ) throws(TemplateError) -> [[TemplateOperand]] {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maximumDepth else { throw TemplateError("nested too deeply") }
    var commands: [[TemplateOperand]] = []
    while true {
      var operands: [TemplateOperand] = []
      while let token = tokens.first, token != .pipe, token != .close {
        operands.append(try operand(&tokens))
      }
      guard !operands.isEmpty else { throw TemplateError("missing value for command") }
      if operands.count > 1 || !commands.isEmpty {
        guard case .function? = operands.first else {
          throw TemplateError("non-function in a command that has arguments")
        }
      }
      commands.append(operands)
      guard tokens.first == .pipe else { return commands }
      tokens = tokens.dropFirst()
    }
  }

  private mutating func operand(
    _ tokens: inout ArraySlice<TemplateLexer.Token>
  ) throws(TemplateError) -> TemplateOperand {
    guard let token = tokens.popFirst() else { throw TemplateError("missing value for command") }
    let operand: TemplateOperand
    var names: [String] = []
    switch token {
    case .string(let text): return .constant(.text(text))
    case .integer(let number): return .constant(.integer(number))
    case .word("true"): return .constant(.bool(true))
    case .word("false"): return .constant(.bool(false))
    case .word("nil"): return .constant(.none)
    case .word(let name):
      try TemplateFunctions.check(name)
      return .function(name)
    case .open:
      operand = .pipeline(TemplatePipeline(variable: nil, commands: try commands(&tokens)))
      guard tokens.popFirst() == .close else { throw TemplateError("unclosed left paren") }
      if case .chained(let chain)? = tokens.first {
        names = chain
        tokens = tokens.dropFirst()
      }
    case .dot: operand = .dot
    case .field(let chain):
      operand = .dot
      names = chain
    case .variable(let name, let chain):
      guard variables.contains(name) else { throw TemplateError("undefined variable \"$\(name)\"") }
      operand = .variable(name)
      names = chain
    case .pipe, .close, .declare, .chained: throw TemplateError("unexpected word in operand")
    }
    let isRoot = operand == .variable("") || operand == .dot && dotDepth == 0
    if isRoot, let first = names.first, !fields.contains(first) {
      throw TemplateError("there is no field .\(first); there are .\(fields.sorted().joined(separator: ", ."))")
    }
    return names.isEmpty ? operand : .fields(of: operand, names)
  }
}
