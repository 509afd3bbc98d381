import Daemon

/// A process whose tables name two containers or two pods: the safe answer is none.
struct ContainerConflict: Error, Equatable, CustomStringConvertible {
  let description: String

  /// `multiple container IDs found ("a", "b")`
  init(_ what: String, _ first: String, _ second: String) {
    description = "multiple \(what) found (\(GoText.quote(first)), \(GoText.quote(second)))"
  }

  /// `multiple container IDs found in cgroups (a, b)`
  init(legacy what: String, _ first: String, _ second: String) {
    description = "multiple \(what) found in cgroups (\(first), \(second))"
  }
}
