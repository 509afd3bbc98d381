/// A parsed template: its own nodes and those of the templates that it defines.
struct ParsedTemplate: Sendable {
  var nodes: [TemplateNode] = []
  var defined: [String: [TemplateNode]] = [:]
}

/// Reads Go's text/template. Bounded in depth; one use per template. Called by ``AgentPathTemplate`` only.
///
/// What can be known to be wrong is said here and not at the first node: a field, function, variable or template that is
/// not there.
struct TemplateParser {
  static let maximumDepth = 64
  /// Where a list of nodes ends.
  private enum Ending { case end, otherwise([TemplateLexer.Token]), text }

  private var pieces: ArraySlice<TemplateLexer.Piece>
  /// The words of the action that is being read.
  var tokens: ArraySlice<TemplateLexer.Token> = []
  let fields: Set<String>
  var variables: [String] = [""]
  /// Whether the dot, and the dollar, are the fields of the node.
  var dotIsRoot = true
  var dollarIsRoot = true
  var depth = 0
  private var ranges = 0
  private var parsed = ParsedTemplate()
  private var used: Set<String> = []

  static func parse(_ template: String, fields: Set<String>) throws(TemplateError) -> ParsedTemplate {
    var parser = TemplateParser(pieces: try TemplateLexer.pieces(template)[...], fields: fields)
    guard case (let nodes, .text) = try parser.list(isTop: true) else { throw TemplateError("unexpected {{end}}") }
    parser.parsed.nodes = nodes
    if let missing = parser.used.subtracting(parser.parsed.defined.keys).min() {
      throw TemplateError("template \"\(missing)\" not defined")
    }
    return parser.parsed
  }

  private init(pieces: ArraySlice<TemplateLexer.Piece>, fields: Set<String>) {
    self.pieces = pieces
    self.fields = fields
  }

  // MARK: Words

  mutating func skipSpace() { while case .space? = tokens.first { tokens = tokens.dropFirst() } }

  private mutating func finish(_ context: String) throws(TemplateError) {
    skipSpace()
    guard tokens.isEmpty else { throw TemplateError("unexpected words in \(context)") }
  }

  /// The name of a template.
  private mutating func name(_ context: String) throws(TemplateError) -> String {
    skipSpace()
    guard case .string(let bytes)? = tokens.popFirst() else {
      throw TemplateError("a name in quotes is missing in \(context)")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  // MARK: Nodes

  /// Nodes up to `else` or `end`, or to the end of the template.
  private mutating func list(isTop: Bool = false) throws(TemplateError) -> ([TemplateNode], Ending) {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maximumDepth else { throw TemplateError("nested too deeply") }
    var nodes: [TemplateNode] = []
    while let piece = pieces.popFirst() {
      let words: [TemplateLexer.Token]
      switch piece {
      case .text(let text):
        nodes.append(.text(text))
        continue
      case .action(let tokens): words = tokens
      }
      tokens = words[...]
      skipSpace()
      guard case .word(let word)? = tokens.first, Self.keywords.contains(word) else {
        nodes.append(.output(try pipeline(in: "command")))
        continue
      }
      tokens = tokens.dropFirst()
      switch word {
      case "end":
        try finish("end")
        return (nodes, .end)
      case "else": return (nodes, .otherwise(Array(tokens)))
      case "define":
        guard isTop else { throw TemplateError("unexpected {{define}}") }
        try define(try name("define clause"), "define clause")
      default: nodes.append(try statement(word))
      }
    }
    return (nodes, .text)
  }

  private static let keywords: Set<String> = [
    "if", "with", "range", "else", "end", "define", "template", "block", "break", "continue",
  ]

  private mutating func statement(_ word: String) throws(TemplateError) -> TemplateNode {
    switch word {
    case "if": return try choice(changesDot: false)
    case "with": return try choice(changesDot: true)
    case "range": return try range()
    case "template":
      let name = try name("template clause")
      used.insert(name)
      skipSpace()
      return .template(name, tokens.isEmpty ? nil : try pipeline(in: "template clause"))
    case "block":
      let name = try name("block clause")
      let argument = try pipeline(in: "block clause")
      try define(name, "block clause")
      return .template(name, argument)
    default:
      try finish(word)
      guard ranges > 0 else { throw TemplateError("{{\(word)}} outside {{range}}") }
      return .leave(word == "break" ? .break : .continue)
    }
  }

  /// The body of a template that others call. Its dot and its dollar are what it is called with.
  private mutating func define(_ name: String, _ context: String) throws(TemplateError) {
    try finish(context)
    let outside = (variables, dotIsRoot, dollarIsRoot, ranges)
    defer { (variables, dotIsRoot, dollarIsRoot, ranges) = outside }
    (variables, dotIsRoot, dollarIsRoot, ranges) = ([""], false, false, 0)
    guard case (let body, .end) = try list() else { throw TemplateError("unexpected end of \(context)") }
    // An empty definition gives way to another one, before it or behind it.
    let isEmpty = body.allSatisfy { if case .text(let text) = $0 { GoRunes.trimmed(text).isEmpty } else { false } }
    if let other = parsed.defined[name], !isEmpty {
      guard other.isEmpty else { throw TemplateError("multiple definition of template \"\(name)\"") }
    }
    if parsed.defined[name] == nil || !isEmpty { parsed.defined[name] = isEmpty ? [] : body }
  }

  private mutating func choice(changesDot: Bool) throws(TemplateError) -> TemplateNode {
    let word = changesDot ? "with" : "if"
    let outer = variables.count
    defer { variables.removeSubrange(outer...) }
    let condition = try pipeline(in: word)
    let isRoot = dotIsRoot
    if changesDot { dotIsRoot = false }
    let (body, ending) = try list()
    dotIsRoot = isRoot
    switch ending {
    case .text: throw TemplateError("unexpected EOF")
    case .end: return .choice(condition, then: body, otherwise: [], changesDot: changesDot)
    case .otherwise(let words):
      tokens = words[...]
      skipSpace()
      guard tokens.isEmpty else {
        guard case .word(word)? = tokens.popFirst() else { throw TemplateError("unexpected words after else") }
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else { throw TemplateError("nested too deeply") }
        let other = try choice(changesDot: changesDot)
        return .choice(condition, then: body, otherwise: [other], changesDot: changesDot)
      }
      return .choice(condition, then: body, otherwise: try lastBranch(), changesDot: changesDot)
    }
  }

  private mutating func lastBranch() throws(TemplateError) -> [TemplateNode] {
    switch try list() {
    case (let nodes, .end): return nodes
    case (_, .otherwise): throw TemplateError("expected end; found {{else}}")
    case (_, .text): throw TemplateError("unexpected EOF")
    }
  }

  private mutating func range() throws(TemplateError) -> TemplateNode {
    let outer = variables.count
    defer { variables.removeSubrange(outer...) }
    let pipeline = try pipeline(in: "range")
    let isRoot = dotIsRoot
    (dotIsRoot, ranges) = (false, ranges + 1)
    let (body, ending) = try list()
    (dotIsRoot, ranges) = (isRoot, ranges - 1)
    switch ending {
    case .text: throw TemplateError("unexpected EOF")
    case .end: return .range(pipeline, body: body, otherwise: [])
    case .otherwise(let words):
      tokens = words[...]
      try finish("else")
      return .range(pipeline, body: body, otherwise: try lastBranch())
    }
  }
}
