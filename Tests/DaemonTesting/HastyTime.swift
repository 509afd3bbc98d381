import Daemon
package import Foundation
import Synchronization

/// A clock on which nobody waits: it is later at once.
package final class HastyTime: TimeSource {
  private let base: TestTime
  private let slept = Mutex<[Duration]>([])

  package init(_ now: Date = Date()) { base = TestTime(now) }

  package var now: Date { base.now }
  package var steady: Duration { base.steady }
  /// How long each wait was to be, in their order.
  package var waits: [Duration] { slept.withLock { $0 } }
  package func advance(by duration: Duration) { base.advance(by: duration) }

  package func sleep(for duration: Duration) async throws {
    try Task.checkCancellation()
    slept.withLock { $0.append(duration) }
    base.advance(by: duration)
    await Task.yield()
  }
}
