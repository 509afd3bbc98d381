/// Why credentials of AWS cannot be had. Holds no secret.
package struct AWSError: Error, Hashable, CustomStringConvertible {
  package let message: String
  package init(_ message: String) { self.message = message }
  package var description: String { message }
}
