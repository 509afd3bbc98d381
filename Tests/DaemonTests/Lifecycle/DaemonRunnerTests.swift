import Glibc
import ServiceLifecycle
import Synchronization
import Testing

@testable import Daemon

@Suite struct DaemonRunnerTests {
  final class Journal: Sendable {
    private let entries = Mutex<[String]>([])
    func add(_ entry: String) { entries.withLock { $0.append(entry) } }
    var all: [String] { entries.withLock { $0 } }
  }

  struct Waiting: Service {
    let name: String
    let journal: Journal
    func run() async throws {
      try await gracefulShutdown()
      journal.add(name)
    }
  }

  struct Failing: Service {
    struct Broken: Error, Equatable {}
    func run() async throws { throw Broken() }
  }

  @Test func theFirstFailureEndsTheDaemon() async {
    let journal = Journal()
    await #expect(throws: Failing.Broken()) {
      try await DaemonRunner.run(
        [.init(service: Waiting(name: "a", journal: journal), name: "a"), .init(service: Failing(), name: "b")],
        stopSignals: false)
    }
  }

  @Test func servicesStopInReverse() async throws {
    let journal = Journal()
    struct Once: Service { func run() async throws {} }
    try await DaemonRunner.run(
      [
        .init(service: Waiting(name: "datastore", journal: journal), name: "1"),
        .init(service: Once(), name: "2", ending: .isIgnored),
        .init(service: Waiting(name: "api", journal: journal), name: "3"),
        .init(service: Once(), name: "4", ending: .endsDaemon),
      ], stopSignals: false)
    #expect(journal.all == ["api", "datastore"])
  }

  @Test func aServiceThatEndsTooEarlyIsAFailure() async {
    struct Once: Service { func run() async throws {} }
    await #expect(throws: (any Error).self) {
      try await DaemonRunner.run([.init(service: Once(), name: "a")], stopSignals: false)
    }
  }

  @Test func userSignalsReachTheirHandlers() async throws {
    SignalService.prepare()
    let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
    let service = SignalService(onUser1: { continuation.yield(1) }, onUser2: { continuation.yield(2) })
    let task = Task { try await service.run() }
    var iterator = stream.makeAsyncIterator()
    // The handler is installed a moment after the task starts; signals before that are ignored.
    let sender = Task {
      while !Task.isCancelled {
        kill(getpid(), SIGUSR2)
        try await Task.sleep(for: .milliseconds(5))
      }
    }
    #expect(await iterator.next() == 2)
    sender.cancel()
    task.cancel()
    _ = await task.result
  }

  @Test(arguments: [(0o022, 0o027, "0022", "0027"), (0o077, 0o077, "0077", "0077"), (0, 0o027, "0000", "0027")])
  func theUmaskIsTightened(_ current: Int, _ expected: Int, _ from: String, _ to: String) {
    #expect(Umask.tightened(mode_t(current)) == mode_t(expected))
    #expect(Umask.text(mode_t(current)) == from)
    #expect(Umask.text(mode_t(expected)) == to)
  }
}
