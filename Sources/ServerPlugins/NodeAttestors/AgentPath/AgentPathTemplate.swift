/// The agent path of a configuration (`agent_path_template`, server-plugins §4): parsed once, with everything that can be
/// known to be wrong said then. Made of Go's text/template; a missing field or key is an error. A value.
///
/// What a node says about itself cannot add a segment to its path: a slash in a field, where the template has not removed
/// it, is refused. Upstream takes it.
struct AgentPathTemplate: Sendable {
  /// The longest path. In bytes.
  private static let maximumPath = 1900
  private let nodes: [TemplateNode]

  /// - Parameter fields: the names that the template may use.
  init(_ text: String, fields: Set<String>) throws(TemplateError) {
    nodes = try TemplateParser.parse(text, fields: fields)
    if case .text(let start)? = nodes.first, !start.hasPrefix("/") {
      throw TemplateError("the path must begin with a slash")
    }
  }

  /// The path for a node with these fields: what follows `/spire/agent`.
  func path(_ fields: TemplateValue) throws(TemplateError) -> String {
    var run = Run(root: fields, dot: fields, variables: ["": fields])
    try run.write(nodes)
    guard run.output.utf8.count <= Self.maximumPath else {
      throw TemplateError("the path is longer than \(Self.maximumPath) bytes")
    }
    return run.output
  }

  /// One execution. Owned by the call.
  private struct Run {
    let root: TemplateValue
    var dot: TemplateValue
    var variables: [String: TemplateValue]
    var output = ""

    mutating func write(_ nodes: [TemplateNode]) throws(TemplateError) {
      for node in nodes {
        switch node {
        case .text(let text): output += text
        case .output(let pipeline):
          let value = try value(of: pipeline)
          if pipeline.variable != nil { continue }
          guard value != .none else { throw TemplateError("a part of the path has no value") }
          guard !value.hasForeignSlash else {
            throw TemplateError(
              "\"\(value.printed.prefix(128))\" comes from the node and has a slash, which would add a segment to the path"
            )
          }
          output += value.printed
        case .choice(let branches, let otherwise, let changesDot):
          try choose(branches, otherwise, changesDot)
        }
        guard output.utf8.count <= TemplateFunctions.maximumText else { throw TemplateError("the path is too long") }
      }
    }

    private mutating func choose(
      _ branches: [(condition: TemplatePipeline, body: [TemplateNode])], _ otherwise: [TemplateNode],
      _ changesDot: Bool
    ) throws(TemplateError) {
      let outside = (dot, variables)
      defer { (dot, variables) = outside }
      for (condition, body) in branches {
        let value = try value(of: condition)
        guard value.isTrue else { continue }
        if changesDot { dot = value }
        return try write(body)
      }
      try write(otherwise)
    }

    private mutating func value(of pipeline: TemplatePipeline) throws(TemplateError) -> TemplateValue {
      var piped: TemplateValue?
      for command in pipeline.commands {
        if case .function(let name)? = command.first {
          var arguments: [TemplateValue] = []
          for operand in command.dropFirst() { arguments.append(try value(of: operand)) }
          if let piped { arguments.append(piped) }
          piped = try TemplateFunctions.call(name, arguments)
        } else if let operand = command.first {
          piped = try value(of: operand)
        }
      }
      let result = piped ?? .none
      if let variable = pipeline.variable { variables[variable] = result }
      return result
    }

    private mutating func value(of operand: TemplateOperand) throws(TemplateError) -> TemplateValue {
      switch operand {
      case .constant(let value): return value
      case .function(let name): return try TemplateFunctions.call(name, [])
      case .dot: return dot
      case .variable(let name): return variables[name] ?? .none
      case .pipeline(let pipeline): return try value(of: pipeline)
      case .fields(let base, let names):
        var value = try value(of: base)
        for name in names {
          guard case .map(let members) = value else {
            throw TemplateError("can't evaluate field \(name) in type \(value.kind)")
          }
          guard let member = members[name] else { throw TemplateError("map has no entry for key \"\(name)\"") }
          value = member
        }
        return value
      }
    }
  }
}
