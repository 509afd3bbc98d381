import Daemon
import SPIFFE

/// The keys with which a platform signs its nodes' tokens, fetched from where the platform publishes them and kept for as
/// long as it says. An actor isolates them; callers that need keys at once wait for one request.
///
/// Whoever can reach the server can send a token that names an unknown key: keys are fetched anew for such a one, but at
/// most once a minute.
actor PlatformKeys {
  typealias Fetch = @Sendable () async throws(ServerPluginError) -> (keys: [String: PublicKey], lifetime: Duration)

  /// Keys are kept for this long at least, and at most.
  static let lifetimes: ClosedRange<Duration> = .seconds(60) ... .seconds(24 * 3600)
  private static let maximumKeys = 64

  private let fetch: Fetch
  private let time: any TimeSource
  private var keys: [String: PublicKey] = [:]
  private var fetched: Duration?
  private var end: Duration = .zero
  private var waiting: [CheckedContinuation<Void, Never>]?

  init(time: any TimeSource, fetch: @escaping Fetch) {
    self.time = time
    self.fetch = fetch
  }

  /// The key of this ID; nil when the platform has none.
  func key(_ id: String) async throws(ServerPluginError) -> PublicKey? {
    if time.steady < end, let key = keys[id] { return key }
    if time.steady >= end || mayAskAgain { try await renew() }
    return keys[id]
  }

  private var mayAskAgain: Bool { fetched.map { time.steady - $0 >= Self.lifetimes.lowerBound } ?? true }

  private func renew() async throws(ServerPluginError) {
    if waiting != nil {
      await withCheckedContinuation { waiting?.append($0) }
      // What the one request brought counts for all that waited for it.
      if time.steady < end { return }
    }
    guard waiting == nil else { return }
    waiting = []
    defer {
      for continuation in waiting ?? [] { continuation.resume() }
      waiting = nil
    }
    let (found, lifetime) = try await fetch()
    keys = Dictionary(uniqueKeysWithValues: found.prefix(Self.maximumKeys).map { ($0.key, $0.value) })
    fetched = time.steady
    end = time.steady + min(max(lifetime, Self.lifetimes.lowerBound), Self.lifetimes.upperBound)
  }
}
