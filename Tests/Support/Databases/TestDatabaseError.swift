/// Why a database of the tests cannot be had.
package struct TestDatabaseError: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
