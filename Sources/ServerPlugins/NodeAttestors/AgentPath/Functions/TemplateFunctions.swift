/// A function of templates: how many arguments it takes and what it does.
struct TemplateFunction: Sendable {
  typealias Body = @Sendable (inout TemplateCall) throws -> TemplateValue
  let arguments: ClosedRange<Int>
  let body: Body

  init(_ count: Int, _ body: @escaping Body) { self.init(count...count, body) }
  init(_ arguments: PartialRangeFrom<Int>, _ body: @escaping Body) { self.init(arguments.lowerBound...Int.max, body) }
  init(_ arguments: ClosedRange<Int>, _ body: @escaping Body) {
    self.arguments = arguments
    self.body = body
  }
}

/// The functions of agent path templates: Go's own and those of upstream's list (server-plugins §4), with the order of
/// arguments, the edges and the errors of sprig. What panics there is an error here.
enum TemplateFunctions {
  static let table: [String: TemplateFunction] = [
    comparisons, printing, texts, shortenedTexts, letterCases, encodings, lists, listParts, dictionaries, defaults,
    paths, searches,
  ].reduce(into: [:]) { $0.merge($1) { $1 } }

  static func call(
    _ name: String, _ arguments: [TemplateValue], _ memory: inout TemplateMemory
  ) throws(TemplateError) -> TemplateValue {
    guard let function = table[name] else { throw TemplateError("function \"\(name)\" not defined") }
    let wanted = function.arguments
    guard wanted.contains(arguments.count) else {
      let count = wanted.lowerBound == wanted.upperBound ? "\(wanted.lowerBound)" : "at least \(wanted.lowerBound)"
      throw TemplateError("wrong number of args for \(name): want \(count) got \(arguments.count)")
    }
    try memory.spend(1 + arguments.count)
    var call = TemplateCall(memory: TemplateMemory(), arguments: arguments)
    swap(&call.memory, &memory)
    defer { swap(&call.memory, &memory) }
    do {
      let result = try function.body(&call)
      try call.memory.admit(result)
      return result
    } catch { throw TemplateError("error calling \(name): \(error)") }
  }
}
