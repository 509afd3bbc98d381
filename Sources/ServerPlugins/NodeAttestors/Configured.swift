import Synchronization

/// What a node attestor was configured with last. The catalog may replace it while attestations run, each of which goes on with
/// what it began with; a mutex guards it.
final class Configured<Settings: Sendable>: Sendable {
  private let kept = Mutex<Settings?>(nil)

  func replace(with settings: Settings) { kept.withLock { $0 = settings } }

  /// - Throws: FailedPrecondition before the first configuration.
  func current() throws(ServerPluginError) -> Settings {
    guard let settings = kept.withLock({ $0 }) else { throw ServerPluginError(.failedPrecondition, "not configured") }
    return settings
  }
}
