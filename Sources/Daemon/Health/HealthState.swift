/// What one health check found.
package struct HealthState: Sendable, Hashable {
  package var isLive: Bool
  package var isReady: Bool
  /// Shown under the check's name at the live path; upstream's keys, for example `get_bundle_err`.
  package var liveDetails: [String: String]
  /// Shown at the ready path.
  package var readyDetails: [String: String]

  package init(
    isLive: Bool, isReady: Bool, liveDetails: [String: String] = [:], readyDetails: [String: String] = [:]
  ) {
    self.isLive = isLive
    self.isReady = isReady
    self.liveDetails = liveDetails
    self.readyDetails = readyDetails
  }

  /// Both, when `failure` is `nil`; neither otherwise, with `failure` under `key`.
  package static func result(_ key: String, failure: String?) -> HealthState {
    let details = failure.map { [key: $0] } ?? [:]
    return HealthState(
      isLive: failure == nil, isReady: failure == nil, liveDetails: details, readyDetails: details)
  }

  var isHealthy: Bool { isLive && isReady }

  /// The details of the failure, `nil` if there is none.
  var failure: String? {
    guard !isHealthy else { return nil }
    let details = isLive ? readyDetails : liveDetails
    let text = details.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "; ")
    return text.isEmpty ? (isLive ? "subsystem is not ready" : "subsystem is not live") : text
  }
}

/// A part of the daemon that can be asked how it is.
package struct HealthCheck: Sendable {
  /// Upstream's name: `server`, `server.ca`, `agent`.
  package let name: String
  package let check: @Sendable () async -> HealthState

  package init(name: String, check: @escaping @Sendable () async -> HealthState) {
    self.name = name
    self.check = check
  }
}
