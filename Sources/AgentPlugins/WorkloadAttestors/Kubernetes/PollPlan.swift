/// When one caller looks at the pod list again, and when it gives up. A value without clock or tasks; ``KubernetesAttestor``
/// has one per caller.
///
/// `poll_retry_interval` is the longest pause and `max_poll_attempts` of them are the longest wait. Pauses begin short and
/// grow, and begin anew when the pod has moved on: a pod that has just appeared, or whose containers changed, is about to
/// tell more.
struct PollPlan: Sendable {
  /// What the last look at the list showed.
  enum Sighting: Hashable, Sendable {
    case nothing
    /// The pod without its container; the number changes with what is said of its containers.
    case pod(Int)
    /// There was no list.
    case failed
  }

  enum Step: Hashable, Sendable {
    /// Look again so long after now, or when somebody else brings a newer list.
    case poll(after: Duration)
    case end
  }

  /// The first pause is this part of the interval.
  static let fraction = 20
  /// How often pauses begin anew: a pod that never comes to rest must not be polled at the highest rate.
  private static let maximumRestarts = 6
  /// A slow kubelet gets so many polls, although the time is over.
  private static let minimumPolls = 3

  private let attempts: Int
  private let interval: Duration
  private let start: Duration
  private var pause: Duration
  private var restarts = 0
  private var last = Sighting.nothing
  /// The polls until now.
  private(set) var polls = 0

  init(attempts: Int, interval: Duration, now: Duration) {
    self.attempts = max(1, min(attempts, KubernetesConfiguration.mostAttempts))
    self.interval = interval
    start = now
    pause = interval / Self.fraction
  }

  mutating func next(_ sighting: Sighting, at now: Duration) -> Step {
    polls += 1
    let left = start + interval * (attempts - 1) - now
    guard left > .zero || polls < min(attempts, Self.minimumPolls) else { return .end }
    if sighting != last, case .pod = sighting, restarts < Self.maximumRestarts {
      restarts += 1
      pause = interval / Self.fraction
    }
    last = sighting
    let step = min(pause, interval)
    pause = min(pause * 2, interval)
    return .poll(after: left > .zero ? min(step, left) : step)
  }
}
