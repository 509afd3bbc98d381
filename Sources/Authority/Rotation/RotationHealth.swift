import Synchronization

/// How many rotations failed in a row. The CA manager counts; the health check `server.ca.rotator` reads.
package final class RotationHealth: Sendable {
  /// More failures in a row than this make the server unhealthy.
  static let threshold = 10

  private let failures = Mutex(0)

  package init() {}

  func succeeded() { failures.withLock { $0 = 0 } }
  func failed() { failures.withLock { $0 += 1 } }

  /// The health detail `rotation_err`, or nil while rotation is healthy.
  package var rotationError: String? {
    let count = failures.withLock { $0 }
    guard count > Self.threshold else { return nil }
    return "rotations exceed the threshold number of failures"
  }
}
