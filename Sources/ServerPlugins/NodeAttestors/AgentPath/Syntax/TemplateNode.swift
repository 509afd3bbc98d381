/// The tree of a template, as ``TemplateParser`` makes it and ``TemplateRun`` executes it.
indirect enum TemplateNode: Sendable {
  case text([UInt8])
  case output(TemplatePipeline)
  case choice(TemplatePipeline, then: [TemplateNode], otherwise: [TemplateNode], changesDot: Bool)
  case range(TemplatePipeline, body: [TemplateNode], otherwise: [TemplateNode])
  case template(String, TemplatePipeline?)
  case leave(TemplateLeave)
}

enum TemplateLeave: Sendable { case `break`, `continue` }

/// `$name := command | command | …`
struct TemplatePipeline: Sendable {
  /// The variables in front, without their dollar.
  var variables: [String] = []
  /// `=` rather than `:=`.
  var assigns = false
  /// The operands of each command, a function's name first.
  var commands: [[TemplateOperand]]
}

indirect enum TemplateOperand: Sendable {
  case constant(TemplateValue)
  case function(String)
  /// Fields of a value, one below the other.
  case fields(of: TemplateOperand, [String])
  case dot
  case variable(String)
  case pipeline(TemplatePipeline)
}
