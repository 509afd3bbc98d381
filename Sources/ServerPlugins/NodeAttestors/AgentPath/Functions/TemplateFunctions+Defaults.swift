/// Functions that choose among values, and those of flow control.
extension TemplateFunctions {
  static let defaults: [String: TemplateFunction] = [
    "default": TemplateFunction(1...) { call in
      guard call.arguments.count > 1, !isEmpty(call.arguments[1], call) else { return call.arguments[0] }
      return call.arguments[1]
    },
    "empty": TemplateFunction(1) { .bool(isEmpty($0.arguments[0], $0)) },
    "coalesce": TemplateFunction(0...) { call in call.arguments.first { !isEmpty($0, call) } ?? .none },
    "all": TemplateFunction(0...) { call in .bool(!call.arguments.contains { isEmpty($0, call) }) },
    "any": TemplateFunction(0...) { call in .bool(call.arguments.contains { !isEmpty($0, call) }) },
    "ternary": TemplateFunction(3) { try $0.bool(2) ? $0.arguments[0] : $0.arguments[1] },
    "fail": TemplateFunction(1) { call in throw TemplateError(try call.string(0)) },
  ]

  /// sprig's `empty`.
  static func isEmpty(_ value: TemplateValue, _ call: TemplateCall) -> Bool { !call.memory.isTrue(value) }
}
