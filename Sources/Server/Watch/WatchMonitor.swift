import Daemon
import ServiceLifecycle

/// Looks after the watch streams once a second: ends those of agents whose SVID has ended, forgets what is not needed any
/// more, reports how far the agents are. A service of ``ServerRuntime``; keeps nothing.
struct WatchMonitor: Service {
  private let entries: EntryModelKeeper

  init(_ entries: EntryModelKeeper) { self.entries = entries }

  func run() async throws {
    let entries = entries
    try await repeating(every: { .seconds(1) }, time: entries.time) { entries.watchOver() }
  }
}
