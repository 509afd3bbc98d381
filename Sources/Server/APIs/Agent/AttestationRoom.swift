package import Daemon
import FoundationEssentials
import Keys
import Synchronization

/// How many attestations there may be at the same time, and how much they may keep and compute. Whoever calls has proved
/// nothing yet, and may call as often as it likes.
///
/// An attestation has its place from the moment its first message was read until its call ends, also while it waits for
/// the rate limit or for the agent. One per server, shared by the calls of AttestAgent; a mutex guards it.
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

  /// What an attestation has while it lasts.
  struct Place: Sendable {
    fileprivate let network: String
    fileprivate let bytes: Int
  }

  private struct State {
    var count = 0
    var bytes = 0
    var networks: [String: (count: Int, bytes: Int)] = [:]
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
  var count: Int { state.withLock { $0.count } }

  /// Takes a place for an attestation whose first message has so many bytes.
  func enter(_ network: String, bytes: Int) throws(Refusal) -> Place {
    let refusal: Refusal? = state.withLock { state in
      let mine = state.networks[network] ?? (0, 0)
      guard state.count < Self.most else { return .server }
      guard mine.count < Self.mostOfAddress else { return .address }
      // One address alone gets half, and the next one still finds room.
      let free = Self.mostBytes - state.bytes
      guard bytes <= free, mine.count == 0 || mine.bytes + bytes <= free else { return .bytes }
      state.count += 1
      state.bytes += bytes
      state.networks[network] = (mine.count + 1, mine.bytes + bytes)
      return nil
    }
    guard let refusal else { return Place(network: network, bytes: bytes) }
    metrics.incrementCounter(["node", "attestation", "refuse"], labels: [MetricLabel("reason", refusal.rawValue)])
    throw refusal
  }

  func leave(_ place: Place) {
    state.withLock { state in
      state.count -= 1
      state.bytes -= place.bytes
      guard let mine = state.networks[place.network] else { return }
      state.networks[place.network] = mine.count > 1 ? (mine.count - 1, mine.bytes - place.bytes) : nil
    }
  }

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
