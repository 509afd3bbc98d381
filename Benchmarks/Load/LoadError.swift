/// What ends a run of the load client: a message for the person at the terminal.
struct LoadError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
