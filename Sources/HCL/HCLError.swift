/// Everything that is wrong with the syntax or the types of one configuration file, in the order of the file.
package struct HCLError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// The text is not HCL or JSON.
    case syntax
    /// A value has another type than its key asks for.
    case type
    /// The text is larger or more deeply nested than any configuration is.
    case limit
  }

  /// One problem and its place.
  package struct Problem: Hashable, Sendable, CustomStringConvertible {
    package let position: HCLPosition
    package let message: String

    package init(_ position: HCLPosition, _ message: String) {
      self.position = position
      self.message = message
    }

    package var description: String { "At \(position): \(message)" }
  }

  package let code: Code
  package let file: String
  /// At least one.
  package let problems: [Problem]

  package init(_ code: Code, file: String, problems: [Problem]) {
    self.code = code
    self.file = file
    self.problems = problems
  }

  /// The first problem as `At line:column: message`, and each further one on a line of its own after the file's name.
  package var description: String {
    guard let first = problems.first else { return "" }
    return problems.dropFirst().reduce("\(first)") { "\($0)\n\(file):\($1.position): \($1.message)" }
  }

  package static func == (a: HCLError, b: HCLError) -> Bool { a.code == b.code }
}
