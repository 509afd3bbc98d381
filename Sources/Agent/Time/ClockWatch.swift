package import Daemon
import FoundationEssentials
package import Logging
import Synchronization

/// Notices when the system clock is set: compares it with the one that only runs.
///
/// Whoever works by the clock asks it first. A jump is logged once, and rings for the loops, which wait by the other
/// clock and would find out late. A lock isolates it.
package final class ClockWatch: Sendable {
  /// Differences that time servers smooth out, and the time between two readings.
  private static let tolerance = 10.0
  /// How long after a jump nothing final is done because of the time: whoever sets a clock wrong sets it right again.
  private static let doubt: Duration = .seconds(600)

  private struct State {
    var wall: Date
    var steady: Duration
    var jumpedAt: Duration?
    var isNew = false
  }

  private let state: Mutex<State>
  private let time: any TimeSource
  private let logger: Logger
  /// Rung at each jump.
  package let jumped = Wakeup()

  package init(time: any TimeSource, logger: Logger) {
    self.time = time
    self.logger = logger
    state = Mutex(State(wall: time.now, steady: time.steady))
  }

  /// Compares the clocks now.
  package func check() {
    let (now, steady) = (time.now, time.steady)
    let jump = state.withLock { state -> Double? in
      let difference = now.timeIntervalSince(state.wall) - (steady - state.steady).seconds
      state.wall = now
      state.steady = steady
      guard abs(difference) > Self.tolerance else { return nil }
      state.jumpedAt = steady
      state.isNew = true
      return difference
    }
    guard let jump else { return }
    let amount = GoDuration.format(.seconds(Int64(min(abs(jump), 1e11).rounded())))
    logger.warning(
      "System clock was set \(jump > 0 ? "forward" : "back"); SVIDs are judged by it, check the host's time service",
      metadata: ["by": "\(amount)", "now": "\(GoTime.rfc3339(now, nanos: false))"])
    jumped.ring()
  }

  /// Whether the clock was set since this was asked last.
  package func takeJump() -> Bool {
    state.withLock { state in
      defer { state.isNew = false }
      return state.isNew
    }
  }

  /// Whether the clock was set a short while ago.
  package var isInDoubt: Bool {
    state.withLock { state in state.jumpedAt.map { time.steady - $0 < Self.doubt } ?? false }
  }
}
