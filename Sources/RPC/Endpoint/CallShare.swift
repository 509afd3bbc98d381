import Synchronization

/// The number of calls that an endpoint serves at the same time. One per endpoint, shared by its ``CallShare``s.
final class CallRoom: Sendable {
  let most: Int
  let used = Atomic<Int>(0)

  init(_ most: Int) { self.most = most }
}

/// The calls of one owner: the connections of a user of this machine share one, every other connection has its own.
///
/// Each may have as many calls as are free, so no user takes all of them and the next one always finds room. Connections
/// take and give back on their event loops; the counters are atomic.
final class CallShare: Sendable {
  private let room: CallRoom
  private let used = Atomic<Int>(0)

  init(_ room: CallRoom) { self.room = room }

  /// Takes room for one call. `false`: there is none.
  func take() -> Bool {
    let mine = used.wrappingAdd(1, ordering: .relaxed).newValue
    let all = room.used.wrappingAdd(1, ordering: .relaxed).newValue
    if mine <= room.most - all + 1 || mine == 1 && all <= room.most { return true }
    giveBack(1)
    return false
  }

  func giveBack(_ count: Int) {
    used.wrappingSubtract(count, ordering: .relaxed)
    room.used.wrappingSubtract(count, ordering: .relaxed)
  }
}
