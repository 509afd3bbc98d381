import Daemon
import GRPCCore
import RPC
import Synchronization

/// How long an agent may keep an attestation waiting: for its first message, and for each answer to a challenge. Without
/// it a silent peer would hold a stream and an attestor for ever.
///
/// One per AttestAgent call. What is waited for is noted under a lock; a task beside the method looks at it once per
/// limit, so that a wait ends after one limit at the earliest and two at the latest. The attestor's own work and the rate
/// limit are not counted as waits; but an attestation ends after ``mostLimits`` limits, whatever it does.
final class AttestationPatience: Sendable {
  /// A person may have to touch a device, or a TPM think.
  static let limit: Duration = .seconds(30)

  /// How many of these limits an attestation may last, whatever it waits for.
  static let mostLimits = 20
  /// How long that is.
  static let most = limit * mostLimits

  struct Exhausted: Error, CustomStringConvertible {
    var isSilent = true

    var description: String {
      if isSilent { return "the agent sent nothing for \(GoDuration.format(AttestationPatience.limit))" }
      return "the attestation took longer than \(GoDuration.format(AttestationPatience.most))"
    }
  }

  private struct State {
    var turn = 0
    var isWaiting = false
  }

  private let state = Mutex(State())
  private let time: any TimeSource

  init(time: any TimeSource) { self.time = time }

  /// Runs the method; its waits have to be ``waiting(_:)``.
  ///
  /// - Throws: ``Exhausted`` when one of them took too long; `body` is cancelled and awaited then.
  func run(_ body: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        try await body()
        return true
      }
      group.addTask {
        try await self.watch()
        return false
      }
      defer { group.cancelAll() }
      while let isDone = try await group.next(), !isDone {}
    }
  }

  private func watch() async throws {
    for _ in 0..<Self.mostLimits {
      let seen = state.withLock { $0.isWaiting ? $0.turn : nil }
      try await time.sleep(for: Self.limit)
      let isStuck = state.withLock { $0.isWaiting && $0.turn == seen }
      if isStuck { throw Exhausted() }
    }
    throw Exhausted(isSilent: false)
  }

  /// Notes that the agent is waited for while `body` runs.
  func waiting<T>(_ body: () async throws -> T) async throws -> T {
    state.withLock {
      $0.turn += 1
      $0.isWaiting = true
    }
    defer { state.withLock { $0.isWaiting = false } }
    return try await body()
  }
}
