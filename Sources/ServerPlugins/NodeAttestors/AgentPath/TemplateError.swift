/// Why a template cannot be used, or did not make a path.
struct TemplateError: Error, Equatable, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
