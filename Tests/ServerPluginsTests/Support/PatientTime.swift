import Daemon
import Foundation

/// A clock that stands still, on which every sleep is over at once.
struct PatientTime: TimeSource {
  var now: Date
  var steady: Duration { .zero }
  /// What is waited for before something is tried again is over at once; what somebody else must be done by never is.
  func sleep(for duration: Duration) async throws {
    if duration >= .seconds(10) { try await Task.sleep(for: .seconds(86_400)) }
  }
}
