import Daemon

/// The two pages of `health_checks` (oidc-discovery-provider §3.3): 200 or 500 with nothing in them. Pure but for the age
/// of the keys; on any thread.
struct HealthPages: Sendable {
  let settings: ProviderConfiguration.HealthChecks
  let keys: PublishedKeys
  /// How old keys may be.
  let threshold: Duration
  let startedAt: Duration
  let time: any TimeSource

  init(
    _ settings: ProviderConfiguration.HealthChecks, pollInterval: Duration, keys: PublishedKeys, time: any TimeSource
  ) {
    self.settings = settings
    self.keys = keys
    self.time = time
    threshold = Self.threshold(pollInterval)
    startedAt = time.steady
  }

  /// Five polls, three minutes at least.
  static func threshold(_ pollInterval: Duration) -> Duration {
    // SPIRE: from 36 s on it takes one poll instead of the five of its documentation: ready would come and go with each.
    max(pollInterval * 5, .seconds(180))
  }

  func answer(_ request: HTTPListener.Request) -> HTTPListener.Response {
    let isGood: Bool
    switch request.path {
    case settings.readyPath: isGood = isReady
    case settings.livePath: isGood = isLive
    default: return DiscoveryPages.text(404, "404 page not found")
    }
    guard request.method == "GET" else { return DiscoveryPages.text(405, "method not allowed") }
    return HTTPListener.Response(status: isGood ? 200 : 500, contentType: "", body: "")
  }

  var isReady: Bool { keys.age.map { $0 < threshold } ?? false }

  var isLive: Bool { (keys.age ?? time.steady - startedAt) < threshold }
}
