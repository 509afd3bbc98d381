/// How a stored set is compared with the set asked for.
package enum SetMatch: String, Sendable, CaseIterable {
  /// Both sets are equal.
  case exact
  /// The stored set lies within the set asked for.
  case subset
  /// The stored set contains the set asked for.
  case superset
  /// Both sets have a member in common.
  case any
}
