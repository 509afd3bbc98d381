/// A list, or one page of it.
package struct Listing<Item: Sendable>: Sendable {
  package var items: [Item]
  /// Where the next page begins. Not empty whenever this page had rows, so that the last page is an empty one;
  /// always empty for a list without pages.
  package var nextToken: String

  package init(_ items: [Item], nextToken: String = "") {
    self.items = items
    self.nextToken = nextToken
  }
}

extension Listing: Equatable where Item: Equatable {}
