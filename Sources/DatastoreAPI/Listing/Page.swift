/// Which part of a list is wanted: at most `size` rows after the one that `token` names.
///
/// A list asked for without a page is returned whole.
package struct Page: Hashable, Sendable {
  /// Rows to look at; 0 is refused.
  package var size: Int
  /// The ``Listing/nextToken`` of the page before, or the empty string for the first one.
  package var token: String

  package init(size: Int, token: String = "") {
    self.size = size
    self.token = token
  }
}
