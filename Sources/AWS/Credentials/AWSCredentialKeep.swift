import FoundationEssentials

/// When credentials are good, when they are asked for again, and when not to ask. A value without a clock, owned by
/// ``AWSCredentialCache``.
struct AWSCredentialKeep: Sendable {
  enum Action: Hashable, Sendable {
    case use(AWSCredentials)
    case fetch
    case fail(AWSError)
  }

  /// Before their end, or earlier where they last less than twice as long. In seconds.
  static let margin: TimeInterval = 300
  /// Credentials without an end are looked up again after so long: somebody may have changed the file. In seconds.
  static let look: TimeInterval = 300
  /// After a failure, with nothing that is good, and with something.
  static let pause: Duration = .seconds(5)
  static let longPause: Duration = .seconds(30)

  private var held: AWSCredentials?
  private var renewal = Date.distantPast
  private var failure: (error: AWSError, at: Duration)?

  /// What is still good.
  func good(_ now: Date) -> AWSCredentials? { held.flatMap { ($0.expiresAt ?? .distantFuture) > now ? $0 : nil } }

  func action(_ now: Date, _ steady: Duration) -> Action {
    let good = good(now)
    if let good, now < renewal { return .use(good) }
    if let failure, steady - failure.at < (good == nil ? Self.pause : Self.longPause) {
      return good.map { .use($0) } ?? .fail(failure.error)
    }
    return .fetch
  }

  mutating func fetched(_ credentials: AWSCredentials, _ now: Date) {
    held = credentials
    failure = nil
    let life = credentials.expiresAt.map { $0.timeIntervalSince(now) }
    renewal = now.addingTimeInterval(life.map { max($0 - Self.margin, $0 / 2) } ?? Self.look)
  }

  mutating func failed(_ error: AWSError, _ steady: Duration) { failure = (error, steady) }
}
