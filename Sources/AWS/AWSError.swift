/// Why credentials of AWS cannot be had, or why AWS did not answer. Holds no secret.
package struct AWSError: Error, Hashable, CustomStringConvertible {
  package let message: String
  /// What a program said beside it, which is for the operator's log only: nodes may be told the message.
  let remarks: String

  package init(_ message: String) { self.init(message, remarks: "") }

  init(_ message: String, remarks: String) {
    self.message = message
    self.remarks = remarks
  }

  package var description: String { message }

  /// The same with the place where it happened before it.
  func at(_ place: String) -> AWSError { AWSError("\(place): \(message)", remarks: remarks) }
}
