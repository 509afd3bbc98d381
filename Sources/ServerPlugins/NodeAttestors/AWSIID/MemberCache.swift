import Daemon

/// A list of members that somebody else keeps, such as an organization's accounts: fetched when it is too old, and a few
/// times more when somebody is not on it, who may be new. An actor isolates it; callers wait for one request.
actor MemberCache {
  /// How often a list may be fetched again, before it is too old, for somebody who is not on it.
  static let retries = 5

  private let lifetime: Duration
  private let time: any TimeSource
  private var members: Set<String> = []
  private var end: Duration?
  private var left = retries
  private var isFetching = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(lifetime: Duration, time: any TimeSource) {
    self.lifetime = lifetime
    self.time = time
  }

  /// Whether the list has `member`. `fetch` gets it when it is needed.
  func contains<Failure: Error>(
    _ member: String, fetch: @Sendable () async throws(Failure) -> Set<String>
  ) async throws(Failure) -> Bool {
    while isFetching { await withCheckedContinuation { waiting.append($0) } }
    let isFresh = end.map { time.steady < $0 } ?? false
    if isFresh, members.contains(member) { return true }
    if isFresh {
      guard left > 0 else { return false }
      left -= 1
    }
    isFetching = true
    defer {
      isFetching = false
      for continuation in waiting { continuation.resume() }
      waiting = []
    }
    members = try await fetch()
    if !isFresh {
      end = time.steady + lifetime
      left = Self.retries
    }
    return members.contains(member)
  }
}
