import DatastoreAPI
import SPIFFE

extension SQLCondition {
  /// Narrows to rows whose selectors, kept in `table` under `key`, compare as the filter says with those asked for.
  ///
  /// - Parameters:
  ///   - column: The column of the outer row that `key` refers to.
  mutating func matchSelectors(
    _ filter: SelectorFilter, table: String, key: String, column: String
  ) throws(DatastoreError) {
    let selectors = Set(filter.selectors).sorted()
    guard !selectors.isEmpty else { throw DatastoreError(.invalidArgument, "cannot list by empty selector set") }
    let arguments = selectors.flatMap { [SQLValue.text($0.type), .text($0.value)] }
    let anyOf = selectors.map { _ in "(type = ? AND value = ?)" }.joined(separator: " OR ")
    switch filter.match {
    case .any, .subset:
      and("\(column) IN (SELECT \(key) FROM \(table) WHERE \(anyOf))", arguments)
    case .exact, .superset:
      for selector in selectors {
        and(
          "\(column) IN (SELECT \(key) FROM \(table) WHERE type = ? AND value = ?)",
          [.text(selector.type), .text(selector.value)])
      }
    }
    if filter.match == .exact || filter.match == .subset {
      and("NOT EXISTS (SELECT 1 FROM \(table) WHERE \(key) = \(column) AND NOT (\(anyOf)))", arguments)
    }
  }
}
