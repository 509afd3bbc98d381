/// What a cache does next to follow the objects of a cluster: list, watch from where the list or the last event stood, list
/// anew when that is too long ago. A value without clock or tasks; ``MetadataCache`` owns one.
struct WatchPlan: Sendable {
  enum Step: Hashable, Sendable {
    case list
    case watch(from: String)
  }

  enum Outcome: Hashable, Sendable {
    /// The list is complete as of a version.
    case listed(version: String)
    /// The watch ended, as it does now and then; the last version that it told, if it told any.
    case ended(version: String?)
    /// There was no answer, or it could not be read; the last version that was told before.
    case failed(version: String?)
    /// The version is no longer known.
    case expired
  }

  private static let firstPause = Duration.milliseconds(500)
  private static let longestPause = Duration.seconds(30)

  private(set) var step = Step.list
  /// What to wait for before the step.
  private(set) var pause = Duration.zero
  private var version = ""
  private var failures = 0

  mutating func after(_ outcome: Outcome) {
    switch outcome {
    case .listed(let version):
      self.version = version
      step = .watch(from: version)
      wait(failed: false)
    case .ended(let version):
      // A watch that told nothing and ended may do so again at once.
      go(on: version, failed: version == nil)
    case .failed(let version): go(on: version, failed: true)
    case .expired:
      step = .list
      wait(failed: true)
    }
  }

  private mutating func go(on version: String?, failed: Bool) {
    if let version { self.version = version }
    if case .watch = step { step = .watch(from: self.version) }
    wait(failed: failed && version == nil)
    if failed, version != nil { pause = Self.firstPause }
  }

  private mutating func wait(failed: Bool) {
    failures = failed ? failures + 1 : 0
    pause = failures == 0 ? .zero : min(Self.longestPause, Self.firstPause * (1 << min(failures - 1, 6)))
  }
}
