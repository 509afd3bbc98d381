import FoundationEssentials

/// The states of all checks over time. Pure: no clock, no waiting; ``HealthChecker`` owns one.
struct HealthHistory: Sendable {
  /// A change worth a log line.
  enum Change: Sendable, Equatable {
    case failed(name: String, error: String)
    case recovered(name: String, error: String, failures: Int, since: Date)
  }

  private struct Entry {
    var state: HealthState?
    var failures = 0
    var failedSince: Date?
    var lastError = ""
  }

  private let names: [String]
  private var entries: [String: Entry]
  private var wasHealthyOnce = false

  init(names: [String]) {
    self.names = names.sorted()
    entries = Dictionary(names.map { ($0, Entry()) }) { first, _ in first }
  }

  /// Records the outcome of one round of checks.
  mutating func record(_ round: [String: HealthState], at now: Date) -> [Change] {
    var changes: [Change] = []
    for name in names {
      guard let state = round[name], var entry = entries[name] else { continue }
      if let failure = state.failure {
        if entry.failures == 0 {
          changes.append(.failed(name: name, error: failure))
          entry.failedSince = now
        }
        entry.failures += 1
        entry.lastError = failure
      } else if entry.failures > 0 {
        changes.append(
          .recovered(
            name: name, error: entry.lastError, failures: entry.failures, since: entry.failedSince ?? now))
        entry.failures = 0
      }
      entry.state = state
      entries[name] = entry
    }
    if !entries.isEmpty, entries.values.allSatisfy({ $0.state?.isHealthy == true }) { wasHealthyOnce = true }
    return changes
  }

  /// How long to wait for the next round: a second until all was well once, then a minute.
  var interval: Duration { wasHealthyOnce || entries.isEmpty ? .seconds(60) : .seconds(1) }

  /// Whether all checks are live, and the page that says so.
  var live: (isGood: Bool, page: String) { summary({ $0.isLive }, { $0.liveDetails }) }

  /// Whether all checks are ready, and the page that says so.
  var ready: (isGood: Bool, page: String) { summary({ $0.isReady }, { $0.readyDetails }) }

  private func summary(
    _ isGood: (HealthState) -> Bool, _ details: (HealthState) -> [String: String]
  ) -> (isGood: Bool, page: String) {
    var all = true
    let members = names.map { name -> String in
      guard let state = entries[name]?.state else {
        all = false
        return "\(JSONText.string(name)):null"
      }
      if !isGood(state) { all = false }
      let fields = details(state).sorted { $0.key < $1.key }
        .map { "\(JSONText.string($0.key)):\(JSONText.string($0.value))" }
      return "\(JSONText.string(name)):{\(fields.joined(separator: ","))}"
    }
    return (all, "{" + members.joined(separator: ",") + "}\n")
  }
}
