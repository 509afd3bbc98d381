/// Go's own functions that print.
extension TemplateFunctions {
  static let printing: [String: TemplateFunction] = [
    "print": TemplateFunction(0...) { call in
      let printed = try GoFormat.joined(call.arguments, &call)
      return try call.made(printed)
    },
    "println": TemplateFunction(0...) { call in
      var parts: [[UInt8]] = []
      for value in call.arguments { parts.append(try call.memory.printed(value)) }
      return try call.made(Array(parts.joined(separator: [0x20])) + [0x0A])
    },
    "printf": TemplateFunction(1...) { call in
      let pattern = try call.text(0)
      var format = GoFormat(arguments: Array(call.arguments.dropFirst()), memory: TemplateMemory())
      swap(&format.memory, &call.memory)
      let text = Result { try format.text(pattern) }
      swap(&format.memory, &call.memory)
      let printed = try call.made(try text.get())
      guard format.madeCharacters, case .string(var characters) = printed else { return printed }
      // Where the number came from is not known: a slash that %c made may be the node's.
      characters.hasForeignSlash = characters.bytes.contains(TemplateText.slash)
      return .string(characters)
    },
  ]
}
