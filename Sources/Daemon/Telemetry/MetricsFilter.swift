/// Which metrics and labels pass (`AllowedPrefixes`, `BlockedPrefixes`, `AllowedLabels`, `BlockedLabels`).
///
/// Prefixes are matched against the whole dotted key with the daemon's prefix, for example `spire_server.rpc`; of several
/// that match, the longest decides. A metric that none matches passes.
package struct MetricsFilter: Sendable {
  private let prefixes: [(prefix: String, isAllowed: Bool)]
  private let allowedLabels: Set<String>?
  private let blockedLabels: Set<String>

  /// - Parameter allowedLabels: `nil` lets all labels pass; the blocked ones never do.
  package init(
    allowedPrefixes: [String] = [], blockedPrefixes: [String] = [], allowedLabels: [String]? = nil,
    blockedLabels: [String] = []
  ) {
    // A prefix that is in both lists is blocked.
    let allowed = allowedPrefixes.filter { !blockedPrefixes.contains($0) }
    prefixes =
      (allowed.map { ($0, true) } + blockedPrefixes.map { ($0, false) })
      .sorted { $0.0.utf8.count > $1.0.utf8.count }
    self.allowedLabels = allowedLabels.map(Set.init)
    self.blockedLabels = Set(blockedLabels)
  }

  func allows(_ key: [String]) -> Bool {
    if prefixes.isEmpty { return true }
    let name = key.joined(separator: ".")
    return prefixes.first { name.hasPrefix($0.prefix) }?.isAllowed ?? true
  }

  func labels(_ labels: [MetricLabel]) -> [MetricLabel] {
    if allowedLabels == nil && blockedLabels.isEmpty { return labels }
    return labels.filter { (allowedLabels?.contains($0.name) ?? true) && !blockedLabels.contains($0.name) }
  }
}
