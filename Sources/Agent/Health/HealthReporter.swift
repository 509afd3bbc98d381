import Daemon
import ServiceLifecycle

/// Runs the health checker and its listener once the APIs have started, or after eight seconds without them: an agent
/// that waits for its server is alive but not ready. A service.
struct HealthReporter: Service {
  let checker: HealthChecker
  let listener: HTTPListener?
  let health: AgentHealth
  let time: any TimeSource

  func run() async throws {
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await health.startedBell.wait(atMost: .seconds(8), time) }
        group.addTask { try await gracefulShutdown() }
        defer { group.cancelAll() }
        try await group.next()
      }
    } catch is CancellationError { return }
    if Task.isShuttingDownGracefully { return }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await checker.run() }
      if let listener { group.addTask { try await listener.run() } }
      while try await group.next() != nil {}
    }
  }
}
