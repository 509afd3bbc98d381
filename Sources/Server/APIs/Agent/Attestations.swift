/// The attestations of the moment, and which of them has to go when there is no room for another. A value without I/O;
/// ``AttestationRoom`` owns it.
///
/// Only those who wait may be turned away. Of an address that has no places left that is the one which has waited for its
/// agent longest: what an honest agent has to do takes a moment. When there are too many in all it is one of the address
/// that has most; so a crowd takes places from itself, and an agent that comes alone finds one.
struct Attestations: Sendable {
  typealias Refusal = AttestationRoom.Refusal
  typealias TurnAway = @Sendable (Refusal) -> Void

  /// What an attestation waits for.
  enum Waiting {
    /// Its turn, by the rate limit.
    case turn
    /// The agent's next message.
    case agent
  }

  private struct Attestation: Sendable {
    let network: String
    let bytes: Int
    let turnAway: TurnAway
    var waiting: Waiting?
    /// Grows from one that began to wait to the next.
    var since: UInt64
  }

  private var attestations: [UInt64: Attestation] = [:]
  private var networks: [String: (count: Int, bytes: Int)] = [:]
  private var bytes = 0
  private var clock: UInt64 = 0

  var count: Int { attestations.count }

  /// Why there is no place for one more of this network; `nil` if there is.
  func refusal(_ network: String, _ size: Int) -> Refusal? {
    let mine = networks[network] ?? (0, 0)
    guard mine.count < AttestationRoom.mostOfAddress else { return .address }
    guard count < AttestationRoom.most else { return .server }
    // One address alone gets half, and the next one still finds room.
    let free = AttestationRoom.mostBytes - bytes
    return size <= free && (mine.count == 0 || mine.bytes + size <= free) ? nil : .bytes
  }

  mutating func add(_ id: UInt64, _ network: String, _ size: Int, _ turnAway: @escaping TurnAway) {
    clock += 1
    attestations[id] = Attestation(
      network: network, bytes: size, turnAway: turnAway, waiting: .turn, since: clock)
    let mine = networks[network] ?? (0, 0)
    networks[network] = (mine.count + 1, mine.bytes + size)
    bytes += size
  }

  /// Returns whether it is still there.
  mutating func set(_ id: UInt64, _ waiting: Waiting?) -> Bool {
    clock += 1
    attestations[id]?.waiting = waiting
    attestations[id]?.since = clock
    return attestations[id] != nil
  }

  mutating func remove(_ id: UInt64) {
    guard let old = attestations.removeValue(forKey: id) else { return }
    bytes -= old.bytes
    guard let mine = networks[old.network] else { return }
    networks[old.network] = mine.count > 1 ? (mine.count - 1, mine.bytes - old.bytes) : nil
  }

  /// Takes the place of one that waits, for one of this network. `nil`: none may be taken.
  mutating func makeRoom(_ network: String, _ size: Int, _ reason: Refusal) -> TurnAway? {
    let mine = networks[network] ?? (0, 0)
    var victim: (id: UInt64, rank: (Int, Int, Int))?
    for (id, one) in attestations {
      guard let waiting = one.waiting, let theirs = networks[one.network] else { continue }
      let load: Int
      switch reason {
      case .address:
        guard one.network == network, waiting == .agent else { continue }
        load = 0
      // Not from one who has less than the one that comes would have.
      case .server:
        guard theirs.count > mine.count else { continue }
        load = theirs.count
      case .bytes:
        guard theirs.bytes >= mine.bytes + size else { continue }
        load = theirs.bytes
      }
      // The one that has waited for its agent longest; then the last in the line of the rate limit.
      let rank = (load, waiting == .agent ? 1 : 0, waiting == .agent ? -Int(one.since) : Int(one.since))
      if let best = victim?.rank, rank <= best { continue }
      victim = (id, rank)
    }
    guard let victim, let turnAway = attestations[victim.id]?.turnAway else { return nil }
    remove(victim.id)
    return turnAway
  }
}
