package import Daemon
import FoundationEssentials
import Keys
import Synchronization

/// How many attestations there may be at the same time, and how much they may keep and compute. Whoever calls has proved
/// nothing yet, and may call as often as it likes.
///
/// An attestation has its place from the moment its first message was read until its call ends. While it waits for the
/// rate limit, or for the agent, it keeps its place as long as nobody needs it: where there is no room for one that comes,
/// one that waits has to go, of the address that has most. One per server, shared by the calls of AttestAgent; a mutex
/// guards it.
package final class AttestationRoom: Sendable {
  /// Attestations at the same time.
  static let most = 1024
  /// Those of one address (IPv6: of a /64). With the rate limit the last of them waits this many seconds.
  static let mostOfAddress = 256
  /// Bytes of their first messages. An address may have as many as are free.
  static let mostBytes = 64 << 20
  /// Refusals are logged at most once in this time.
  static let silence: Duration = .seconds(10)

  /// Why there is no place. The word is the label of the counter.
  enum Refusal: String, Error, CustomStringConvertible {
    case server
    case address
    case bytes

    var description: String {
      switch self {
      case .server: "too many attestations at the same time"
      case .address: "too many attestations at the same time from this address"
      case .bytes: "the attestations of the moment keep too many bytes"
      }
    }
  }

  /// What an attestation has while it lasts. Safe from any thread.
  final class Place: Sendable {
    fileprivate let id: UInt64
    private let room: AttestationRoom

    fileprivate init(_ id: UInt64, _ room: AttestationRoom) {
      self.id = id
      self.room = room
    }

    /// Whether the attestation waits for its agent, or has something to do.
    ///
    /// - Returns: `false` if the place went to somebody else meanwhile. What can be done only once must not be begun then.
    @discardableResult
    func waits(_ isWaiting: Bool) -> Bool { room.set(id, isWaiting ? .agent : nil) }

    func leave() { room.leave(id) }
  }

  private struct State {
    var attestations = Attestations()
    var lastID: UInt64 = 0
    var loggedAt: Duration?
    var unlogged = 0
  }

  private let metrics: Metrics
  private let time: any TimeSource
  private let state = Mutex(State())
  /// Where the proofs are checked: half of the processors at most, and nobody else's work waits there.
  let lane: BackgroundLane

  package init(metrics: Metrics = .none, time: any TimeSource) {
    self.metrics = metrics
    self.time = time
    lane = BackgroundLane("attestations", width: ProcessInfo.processInfo.activeProcessorCount / 2)
  }

  /// Attestations at the moment.
  var count: Int { state.withLock { $0.attestations.count } }

  /// Takes a place for an attestation whose first message has so many bytes. It waits for the rate limit at first.
  ///
  /// - Parameter turnAway: ends the attestation when its place is needed. Called on any thread, once at most.
  func enter(
    _ network: String, bytes: Int, turnAway: @escaping @Sendable (Refusal) -> Void = { _ in }
  ) throws(Refusal) -> Place {
    let (id, turnedAway, refusal) = state.withLock { state -> (UInt64, [@Sendable () -> Void], Refusal?) in
      state.lastID += 1
      var turnedAway: [@Sendable () -> Void] = []
      while let refusal = state.attestations.refusal(network, bytes) {
        guard let victim = state.attestations.makeRoom(network, bytes, refusal) else {
          return (0, turnedAway, refusal)
        }
        turnedAway.append {
          self.count(refusal)
          victim(refusal)
        }
      }
      state.attestations.add(state.lastID, network, bytes, turnAway)
      return (state.lastID, turnedAway, nil)
    }
    for end in turnedAway { end() }
    guard let refusal else { return Place(id, self) }
    count(refusal)
    throw refusal
  }

  private func count(_ refusal: Refusal) {
    metrics.incrementCounter(["node", "attestation", "refuse"], labels: [MetricLabel("reason", refusal.rawValue)])
  }

  private func set(_ id: UInt64, _ waiting: Attestations.Waiting?) -> Bool {
    state.withLock { $0.attestations.set(id, waiting) }
  }

  private func leave(_ id: UInt64) { state.withLock { $0.attestations.remove(id) } }

  /// How many refusals were not logged, if one is to be logged now: whoever is refused often must not fill the log.
  func admitToLog() -> Int? {
    let now = time.steady
    return state.withLock { state in
      if let last = state.loggedAt, now - last < Self.silence {
        state.unlogged += 1
        return nil
      }
      state.loggedAt = now
      defer { state.unlogged = 0 }
      return state.unlogged
    }
  }
}
