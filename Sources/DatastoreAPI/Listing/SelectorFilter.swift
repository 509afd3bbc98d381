package import SPIFFE

/// Keeps the rows whose selectors compare with `selectors` as `match` says. An empty set is refused.
package struct SelectorFilter: Hashable, Sendable {
  package var selectors: [Selector]
  package var match: SetMatch

  package init(_ selectors: [Selector], match: SetMatch) {
    self.selectors = selectors
    self.match = match
  }
}
