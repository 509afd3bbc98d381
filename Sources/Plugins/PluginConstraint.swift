/// How many plugins of a type a daemon must and may have.
package enum PluginConstraint: Sendable, Equatable {
  case exactly(Int)
  case atMost(Int)
  case atLeast(Int)
  case any

  /// What is wrong with `count` plugins, or `nil`.
  func problem(with count: Int) -> String? {
    switch self {
    case .exactly(let wanted): count == wanted ? nil : "expected exactly \(wanted) but got \(count)"
    case .atMost(let wanted): count <= wanted ? nil : "expected at most \(wanted) but got \(count)"
    case .atLeast(let wanted): count >= wanted ? nil : "expected at least \(wanted) but got \(count)"
    case .any: nil
    }
  }
}
