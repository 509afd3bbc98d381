/// Why a message, a key or a certificate of a node attestor is of no use. The plugins put their own words before it.
package struct NodeProofError: Error, Equatable, CustomStringConvertible {
  package let message: String

  package init(_ message: String) { self.message = message }

  package var description: String { message }
}
