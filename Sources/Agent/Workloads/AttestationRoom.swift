import Synchronization

/// How many attestations the callers of one user may have under way: one that hangs costs memory, and each user gets only
/// so much of it. A lock isolates it; answers that are given at once are not counted.
final class AttestationRoom: Sendable {
  private let limit: Int
  private let users = Mutex<[UInt32: Int]>([:])

  init(limit: Int) { self.limit = limit }

  /// Takes room for one attestation; `false` when there is none.
  func take(_ user: UInt32) -> Bool {
    users.withLock { users in
      let count = users[user, default: 0]
      guard count < limit else { return false }
      users[user] = count + 1
      return true
    }
  }

  func giveBack(_ user: UInt32) {
    users.withLock { users in
      guard let count = users[user] else { return }
      users[user] = count == 1 ? nil : count - 1
    }
  }
}
