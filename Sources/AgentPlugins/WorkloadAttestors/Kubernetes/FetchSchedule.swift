/// When the kubelet may be asked again. A value without clock; ``PodListFetcher`` owns it.
///
/// Lists are asked for as soon as somebody needs one, but never more often than a twentieth of `poll_retry_interval` apart, and
/// beyond a few at once no more than one per interval, so that any number of callers costs the kubelet what it costs with
/// upstream's agent.
struct FetchSchedule: Sendable {
  /// So many lists may be asked for ahead of the steady rate.
  static let burst = 8.0

  private let interval: Duration
  private var last: Duration?
  private var credit = FetchSchedule.burst
  private var counted = Duration.zero

  init(interval: Duration) { self.interval = interval }

  /// The first moment, not before `due`, when a list may be asked for.
  func earliest(_ due: Duration) -> Duration {
    guard let last else { return due }
    var time = max(due, last + interval / PollPlan.fraction)
    if credit < 1 { time = max(time, counted + interval * (1 - credit)) }
    return time
  }

  /// A list is being asked for.
  mutating func began(at now: Duration) {
    credit = min(Self.burst, credit + (now - counted) / interval) - 1
    counted = now
    last = now
  }
}
