/// How a command ends when it does not succeed: what is printed on standard error, and the exit code.
///
/// Any other error thrown by a command is printed as `Error: <description>` with exit code 1.
package struct CommandFailure: Error, Equatable, CustomStringConvertible {
  /// The line on standard error; nil when the command has said all there is to say.
  package let text: String?
  package let exitCode: Int32

  /// Prints `Error: <message>`.
  package init(_ message: String, exitCode: Int32 = 1) {
    text = "Error: " + message
    self.exitCode = exitCode
  }

  private init(text: String?, exitCode: Int32) {
    self.text = text
    self.exitCode = exitCode
  }

  /// Prints `text` without `Error: ` before it.
  package static func plain(_ text: String, exitCode: Int32 = 1) -> CommandFailure {
    CommandFailure(text: text, exitCode: exitCode)
  }

  /// Prints nothing.
  package static func silent(exitCode: Int32 = 1) -> CommandFailure {
    CommandFailure(text: nil, exitCode: exitCode)
  }

  package var description: String { text ?? "exit \(exitCode)" }
}
