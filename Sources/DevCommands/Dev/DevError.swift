/// Why `spire dev` stopped: what went wrong, and what to do about it.
package struct DevError: Error, CustomStringConvertible {
  package let message: String
  package let hint: String

  package init(_ message: String, hint: String) {
    self.message = message
    self.hint = hint
  }

  package var description: String { hint.isEmpty ? message : "\(message)\n\(hint)" }
}
