import Daemon
import FoundationEssentials
import Logging
import Synchronization

/// Keeps a watch stream to the server open, on which it tells of changes at once (docs/propagation.md).
///
/// A value that the manager runs beside its sync loop; what it hears goes to ``Synchronizer``. Servers that do not offer
/// the stream are asked once per connection; meanwhile the sync loop polls as ever.
struct WatchLoop: Sendable {
  /// How often the stream's other end is asked whether it is there, and how long it has for an answer.
  static let pingInterval: Duration = .seconds(20)
  static let pingTimeout: Duration = .seconds(10)
  /// A stream that lasted for this long was no failure.
  private static let settled: Duration = .seconds(10)

  let server: any ServerAPI
  let synchronizer: Synchronizer
  let signer: WorkloadSigner
  let cache: WorkloadCacheStore
  /// Rung to begin a sync.
  let syncNeeded: Wakeup
  let time: any TimeSource
  let random: Randomness
  let logger: Logger

  /// Runs until the task is cancelled.
  func run() async throws {
    var backoff = RetryBackoff(initial: .seconds(1), maximum: .seconds(60), multiplier: 2, jitter: 0.5)
    var failures = 0
    while true {
      let start = time.steady
      var wait: Duration
      do {
        try await watch()
        failures = 0
        // The server lets connections go when they are old: the next one takes over, not all agents at once.
        wait = .milliseconds(Int64(random.unit() * 100))
        if time.steady - start < Self.settled { wait = backoff.next(random) } else { backoff.reset() }
      } catch {
        try Task.checkCancellation()
        let failure = AgentError.wrapping(error)
        if failure.code == .unimplemented {
          logger.info("The server does not tell of changes; the agent polls")
          try await waitForAnotherConnection()
          continue
        }
        let fields: Logger.Metadata = ["error": "\(failure.message)"]
        if failure.isOwnRenewal {
          // Nothing failed. However short the streams before were, the next one is not put off.
          logger.debug("Watch stream ended", metadata: fields)
          try await time.sleep(for: .milliseconds(Int64(random.unit() * 100)))
          continue
        }
        if time.steady - start >= Self.settled {
          backoff.reset()
          failures = 0
        }
        failures += 1
        if failures == 1 {
          logger.warning("Watch stream failed; the agent opens another one", metadata: fields)
        } else {
          logger.debug("Watch stream failed", metadata: fields)
        }
        wait = backoff.next(random)
        // Whether the agent is still welcome is the sync loop's to find out. Where the server cannot be reached, it polls
        // again as often as without a stream; not at once, since all agents of a server lose their streams together.
        if failure.denial != nil || failures == 2 { syncNeeded.ring() }
      }
      try await time.sleep(for: wait)
    }
  }

  /// Another connection may lead to another server.
  private func waitForAnotherConnection() async throws {
    let number = server.connectionNumber
    repeat { try await time.sleep(for: .seconds(5)) } while server.connectionNumber == number
  }

  /// The messages that came on one stream.
  private final class Heard: Sendable {
    let count = Atomic<UInt64>(0)
  }

  /// Opens a stream and follows it to its end.
  private func watch() async throws {
    let outbox = WatchOutbox()
    try outbox.send(await synchronizer.beginWatch(outbox))
    let heard = Heard()
    let result: Result<Void, any Error>
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await server.watch(outbox) { message in
            heard.count.add(1, ordering: .relaxed)
            try await take(message, outbox)
          }
        }
        group.addTask { try await ping(outbox, heard) }
        defer { group.cancelAll() }
        try await group.next()
      }
      result = .success(())
    } catch { result = .failure(error) }
    outbox.finish()
    await synchronizer.endWatch()
    try result.get()
  }

  private func take(_ message: WatchMessage, _ outbox: WatchOutbox) async throws {
    let outcome = try await synchronizer.receive(message)
    if let answer = outcome.answer { try outbox.send(answer) }
    if case .welcome(let instance, let resumed) = message {
      logger.debug("Watch stream open", metadata: ["instance": "\(instance)", "resumed": "\(resumed)"])
    }
    if outcome.spread > .zero { await signer.hold(for: outcome.spread * random.unit()) }
    // What no workload waits for is signed when the signing loop looks next: agents do so at different times.
    if outcome.isUrgent { cache.signingNeeded.ring() }
  }

  /// Finds out when the stream is open but leads nowhere.
  private func ping(_ outbox: WatchOutbox, _ heard: Heard) async throws {
    while true {
      try await time.sleep(for: Self.pingInterval)
      let before = heard.count.load(ordering: .relaxed)
      try outbox.send(.ping)
      try await time.sleep(for: Self.pingTimeout)
      if heard.count.load(ordering: .relaxed) != before { continue }
      await server.releaseConnection()
      throw AgentError(.deadlineExceeded, "the server does not answer on the watch stream")
    }
  }
}
