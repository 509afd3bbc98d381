package import Daemon
import FoundationEssentials
package import Logging

/// Keeps the agent in step with its server: first sync, sync loop, signing loop, rotation of the agent's SVID
/// (agent-behaviour §6). The runtime runs it between attestation and shutdown; the state lives in the parts it drives.
package struct AgentManager: Sendable {
  package let server: any ServerAPI
  package let synchronizer: Synchronizer
  package let signer: WorkloadSigner
  package let rotator: AgentSVIDRotator
  package let cache: WorkloadCacheStore
  package let earlySync: EarlySync
  package let clock: ClockWatch
  package let rebootstrap: Rebootstrap
  package let options: SyncOptions
  package let time: any TimeSource
  package let random: Randomness
  package let logger: Logger
  /// Rung when the server answers again, so that signing does not wait out its pause.
  private let serverAnswered = Wakeup()

  package init(
    server: any ServerAPI, synchronizer: Synchronizer, signer: WorkloadSigner, rotator: AgentSVIDRotator,
    cache: WorkloadCacheStore, earlySync: EarlySync, clock: ClockWatch, rebootstrap: Rebootstrap,
    options: SyncOptions, time: any TimeSource, random: Randomness, logger: Logger
  ) {
    self.server = server
    self.synchronizer = synchronizer
    self.signer = signer
    self.rotator = rotator
    self.cache = cache
    self.earlySync = earlySync
    self.clock = clock
    self.rebootstrap = rebootstrap
    self.options = options
    self.time = time
    self.random = random
    self.logger = logger
  }

  /// Fetches entries and bundles for the first time.
  package func initialize() async throws {
    do {
      _ = try await sync()
    } catch {
      let failure = AgentError.wrapping(error)
      if failure.code == .unknownAuthority {
        try await rebootstrap.unknownAuthority(ending: "Agent needs to rebootstrap. shutting down")
      }
      if failure.isHandshake, await rotator.refusedInHandshake(failure, isRunning: false) {
        _ = try await sync()
        return
      }
      guard failure.denial != nil else { throw failure }
      try await rotator.recover(from: failure)
      _ = try await sync()
    }
  }

  /// Says which version this agent is, and runs the loops until the task is cancelled; throws when the agent has to end.
  package func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      // Workloads do not wait for it: a server limits and writes these, and many agents may have one address.
      group.addTask { await postStatus() }
      group.addTask { try await syncLoop() }
      group.addTask { try await signLoop() }
      group.addTask { try await rotator.run() }
      group.addTask { try await clockLoop() }
      group.addTask { try await watchLoop.run() }
      defer { group.cancelAll() }
      while try await group.next() != nil {}
    }
  }

  private var watchLoop: WatchLoop {
    WatchLoop(
      server: server, synchronizer: synchronizer, signer: signer, cache: cache, syncNeeded: earlySync.syncNeeded,
      time: time, random: random, logger: logger)
  }

  private func postStatus() async {
    do { try await server.postStatus(agentVersion: Version.upstream) } catch {
      logger.debug(
        "Failed to post agent status", metadata: ["error": "\(AgentError.wrapping(error).message)"])
    }
  }

  private func sync() async throws -> Bool {
    earlySync.syncBegins()
    do {
      let changed = try await synchronizer.synchronize()
      earlySync.syncEnded(changed ? .changed : .unchanged)
      if changed { cache.signingNeeded.ring() }
      serverAnswered.ring()
      await rebootstrap.succeeded()
      await rotator.accepted()
      return changed
    } catch {
      earlySync.syncEnded(.failed)
      if !Task.isCancelled { await synchronizer.failed(AgentError.wrapping(error)) }
      throw error
    }
  }

  private func syncLoop() async throws {
    var backoff = RetryBackoff(
      initial: options.interval, maximum: .seconds(min(480, 48 * options.interval.seconds)))
    // Agents that started together part here.
    var wait = Duration.seconds(min(options.interval.seconds, 5) * random.factor(RetryBackoff.spread))
    while true {
      try await earlySync.syncNeeded.wait(atMost: wait, time)
      do {
        _ = try await sync()
        backoff.reset()
        wait = backoff.next(random)
        backoff.reset()
        if cache.svidCount == 0 { wait = min(wait, .seconds(5)) }
        if await synchronizer.isWatching { wait = options.watchedInterval * random.factor(0.1) }
      } catch {
        try Task.checkCancellation()
        let failure = AgentError.wrapping(error)
        // Not even an unknown authority ends the agent: what it serves is valid, and whoever stands between us and the
        // server must not be able to take it from the workloads.
        logger.error("Synchronize failed", metadata: ["error": "\(failure.message)"])
        if failure.code == .unknownAuthority {
          try await rebootstrap.unknownAuthority(ending: "shutting down for rebootstrapping")
        }
        if failure.isHandshake { await rotator.refusedInHandshake(failure) }
        try await rotator.recover(from: failure)
        wait = backoff.next(random, jitter: RetryBackoff.spread)
        if failure.code == .unknownAuthority, rebootstrap.mode != .never { wait = min(wait, .seconds(5)) }
      }
    }
  }

  /// Looks whether the clock was set, and has everything looked at anew when it was.
  private func clockLoop() async throws {
    while true {
      try await clock.jumped.wait(atMost: .seconds(5), time)
      clock.check()
      guard clock.takeJump() else { continue }
      earlySync.syncNeeded.ring()
      serverAnswered.ring()
      cache.signingNeeded.ring()
    }
  }

  /// Signs as soon as somebody needs it, and when SVIDs come of age.
  private func signLoop() async throws {
    var backoff = RetryBackoff(initial: .milliseconds(500), maximum: .seconds(240))
    while true {
      do {
        while try await signer.pass() { try Task.checkCancellation() }
        await synchronizer.reportTainted()
        backoff.reset()
        cache.signingWorks(isComplete: await !signer.isRefusing)
        try await cache.signingNeeded.wait(atMost: idleTime(), time)
      } catch {
        try Task.checkCancellation()
        let failure = AgentError.wrapping(error)
        logger.error("Failed to renew X509-SVIDs", metadata: ["error": "\(failure.message)"])
        cache.signingFails()
        try await serverAnswered.wait(atMost: backoff.next(random, jitter: RetryBackoff.spread), time)
      }
    }
  }

  /// Until the next SVID is due, but never long: the wall clock may jump, and refused entries want another try.
  private func idleTime() -> Duration {
    guard let next = cache.nextRotation else { return .seconds(5) }
    return .milliseconds(Int64(min(5, max(0.05, next.timeIntervalSince(time.now))) * 1000))
  }
}
