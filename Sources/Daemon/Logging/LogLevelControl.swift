import Logging
import Synchronization

/// The one level that all of a daemon's loggers obey. The logger API changes it at run time; it remembers the level of
/// the launch. Reading costs one atomic load.
package final class LogLevelControl: Sendable {
  /// The level from the configuration.
  package let launch: LogLevel
  private let level: Mutex<LogLevel>
  private let threshold: Atomic<Int>

  package init(launch: LogLevel) {
    self.launch = launch
    level = Mutex(launch)
    threshold = Atomic(Self.index(of: launch.threshold))
  }

  package var current: LogLevel { level.withLock { $0 } }

  package func set(_ new: LogLevel) {
    level.withLock {
      $0 = new
      threshold.store(Self.index(of: new.threshold), ordering: .relaxed)
    }
  }

  /// Back to the level of the launch.
  package func reset() { set(launch) }

  var loggerLevel: Logger.Level { Logger.Level.allCases[threshold.load(ordering: .relaxed)] }

  private static func index(of level: Logger.Level) -> Int { Logger.Level.allCases.firstIndex(of: level) ?? 0 }
}
