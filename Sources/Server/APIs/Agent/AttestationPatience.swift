import Daemon
import RPC
import Synchronization

/// How long an agent may keep an attestation waiting: for its first message, and for each answer to a challenge. Without
/// it a silent peer would hold a stream and an attestor for ever.
///
/// One per AttestAgent call. What is waited for is noted under a lock; a task beside the method looks at it once per
/// ``step``, so that a wait ends after its limit at the earliest and a step later at the latest. The attestor's own work
/// and the rate limit are not counted as waits; but an attestation ends after ``most``, whatever it does. It also ends
/// when the ``AttestationRoom`` needs its place for somebody else.
final class AttestationPatience: Sendable {
  /// How long the first message may take. For answers, see ``NodeAttestor/answerTime``.
  static let limit: Duration = .seconds(30)
  /// How often it is looked whether the agent still keeps the attestation waiting.
  static let step: Duration = .seconds(10)
  /// How long an attestation may last, whatever it waits for.
  static let most: Duration = step * 60

  enum Exhausted: Error, CustomStringConvertible {
    case silent(Duration)
    case long
    /// Its place went to somebody else.
    case turnedAway(AttestationRoom.Refusal)

    var description: String {
      switch self {
      case .silent(let limit): "the agent sent nothing for \(GoDuration.format(limit))"
      case .long: "the attestation took longer than \(GoDuration.format(AttestationPatience.most))"
      case .turnedAway(let refusal): "\(refusal)"
      }
    }
  }

  private struct State {
    var turn = 0
    var isWaiting = false
    var limit = AttestationPatience.limit
  }

  private let state = Mutex(State())
  private let time: any TimeSource
  private let refusals = AsyncStream.makeStream(of: AttestationRoom.Refusal.self, bufferingPolicy: .bufferingOldest(1))

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
      group.addTask {
        for await refusal in self.refusals.stream { throw Exhausted.turnedAway(refusal) }
        return false
      }
      defer { group.cancelAll() }
      while let isDone = try await group.next(), !isDone {}
    }
  }

  private func watch() async throws {
    var elapsed = Duration.zero
    var last: (turn: Int, steps: Int)?
    while elapsed < Self.most {
      let now = state.withLock { $0.isWaiting ? ($0.turn, $0.limit) : nil }
      if let (turn, limit) = now {
        last = last?.turn == turn ? (turn, (last?.steps ?? 0) + 1) : (turn, 0)
        if let last, Self.step * last.steps >= limit { throw Exhausted.silent(limit) }
      } else {
        last = nil
      }
      try await time.sleep(for: Self.step)
      elapsed += Self.step
    }
    throw Exhausted.long
  }

  /// Answers are waited for so long.
  func setLimit(_ limit: Duration) { state.withLock { $0.limit = limit } }

  /// Ends the attestation: its place is needed.
  func turnAway(_ refusal: AttestationRoom.Refusal) { refusals.continuation.yield(refusal) }

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
