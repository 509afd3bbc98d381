/// The agent path of a configuration (`agent_path_template`, server-plugins §4): parsed once, with everything that can be
/// known to be wrong said then. Go's text/template with the functions of upstream's list; a missing field or key is an
/// error. A value.
///
/// What a node says about itself cannot add a segment to its path: a slash in a field, where the template has not removed
/// it, is refused. Upstream takes it.
struct AgentPathTemplate: Sendable {
  /// The longest path. In bytes.
  private static let maximumPath = 1900
  private let template: ParsedTemplate

  /// - Parameter fields: the names that the template may use.
  init(_ text: String, fields: Set<String>) throws(TemplateError) {
    template = try TemplateParser.parse(text, fields: fields)
    if case .text(let start)? = template.nodes.first, start.first != TemplateText.slash {
      throw TemplateError("the path must begin with a slash")
    }
  }

  /// The path for a node with these fields: what follows `/spire/agent`.
  func path(_ fields: TemplateValue) throws(TemplateError) -> String {
    var run = TemplateRun(template, fields)
    try run.write(template.nodes)
    guard run.output.count <= Self.maximumPath else {
      throw TemplateError("the path is longer than \(Self.maximumPath) bytes")
    }
    return String(decoding: run.output, as: UTF8.self)
  }
}
