import Daemon
import Foundation

/// A clock that stands still, on which every sleep is over at once.
struct PatientTime: TimeSource {
  var now: Date
  var steady: Duration { .zero }
  func sleep(for duration: Duration) async throws {}
}
