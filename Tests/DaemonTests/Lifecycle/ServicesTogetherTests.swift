import Logging
import ServiceLifecycle
import Testing

@testable import Daemon

@Suite struct ServicesTogetherTests {
  /// Ends only when the other one was told to stop, too.
  private struct Member: Service {
    let tell: AsyncStream<Void>.Continuation
    let other: AsyncStream<Void>
    let started: AsyncStream<Void>.Continuation

    func run() async throws {
      started.yield()
      try await gracefulShutdown()
      tell.finish()
      for await _ in other {}
    }
  }

  private struct Failing: Service {
    func run() async throws { throw CancellationError() }
  }

  private func group(_ service: any Service) -> ServiceGroup {
    ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [service], logger: Logger(label: "") { _ in SwiftLogNoOpLogHandler() }))
  }

  @Test(.timeLimit(.minutes(3))) func allAreToldToStopAtTheSameTime() async throws {
    let (first, tellFirst) = AsyncStream<Void>.makeStream()
    let (second, tellSecond) = AsyncStream<Void>.makeStream()
    let (starts, started) = AsyncStream<Void>.makeStream()
    let group = group(
      ServicesTogether([
        Member(tell: tellFirst, other: second, started: started),
        Member(tell: tellSecond, other: first, started: started),
      ]))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      var iterator = starts.makeAsyncIterator()
      for _ in 0..<2 { await iterator.next() }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
  }

  @Test(.timeLimit(.minutes(3))) func aFailureEndsAll() async {
    let (other, tell) = AsyncStream<Void>.makeStream()
    let (_, started) = AsyncStream<Void>.makeStream()
    await #expect(throws: CancellationError.self) {
      try await ServicesTogether([Failing(), Member(tell: tell, other: other, started: started)]).run()
    }
  }
}
