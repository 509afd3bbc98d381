/// What is wrong with a signed message of CMS. Made by the parser and the verifier; the attestor that sees it says whose
/// message it was.
package struct CMSError: Error, Hashable, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}
