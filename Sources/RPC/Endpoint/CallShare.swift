import Synchronization

/// What the calls of an endpoint may use at the same time. One per endpoint, shared by its ``CallShare``s.
final class CallRoom: Sendable {
  /// Calls over all connections.
  let calls: Room
  /// Calls of those who have shown no certificate, and are no process of this machine.
  let strangers: Room
  /// Bytes kept for callers without a certificate: of requests that no method has taken, of answers that were not read.
  let bytes: Room

  init(calls: Int = 250_000, strangers: Int = 10_000, bytes: Int = 128 << 20) {
    self.calls = Room(calls)
    self.strangers = Room(strangers)
    self.bytes = Room(bytes)
  }

  /// A number of something, of which owners take their shares. The counter is atomic.
  final class Room: Sendable {
    let most: Int
    let used = Atomic<Int>(0)

    init(_ most: Int) { self.most = most }
  }
}

/// What the calls of one owner use: the connections of a user of this machine, or of an address that has shown no
/// certificate, share one.
///
/// Each may have as much as is free, so nobody takes all of it and the next one always finds room. Connections take and
/// give back on their event loops; the counters are atomic.
final class CallShare: Sendable {
  private struct Part: ~Copyable, Sendable {
    let room: CallRoom.Room
    let used = Atomic<Int>(0)

    init(_ room: CallRoom.Room) { self.room = room }

    /// Takes `count`; the first of an owner may take what is left.
    func take(_ count: Int) -> Bool {
      let mine = used.wrappingAdd(count, ordering: .relaxed).newValue
      let all = room.used.wrappingAdd(count, ordering: .relaxed).newValue
      if mine <= room.most - all + count || mine == count && all <= room.most { return true }
      giveBack(count)
      return false
    }

    func giveBack(_ count: Int) {
      used.wrappingSubtract(count, ordering: .relaxed)
      room.used.wrappingSubtract(count, ordering: .relaxed)
    }
  }

  private let calls: Part
  private let strangers: Part
  private let bytes: Part

  init(_ room: CallRoom) {
    calls = Part(room.calls)
    strangers = Part(room.strangers)
    bytes = Part(room.bytes)
  }

  /// Takes room for one call. `false`: there is none.
  ///
  /// - Parameter isStranger: whether the caller has shown no certificate.
  func take(isStranger: Bool = false) -> Bool {
    guard !isStranger || strangers.take(1) else { return false }
    if calls.take(1) { return true }
    if isStranger { strangers.giveBack(1) }
    return false
  }

  func giveBack(_ count: Int, isStranger: Bool = false) {
    calls.giveBack(count)
    if isStranger { strangers.giveBack(count) }
  }

  /// Takes room for bytes. `false`: there is none, and nothing was taken.
  func takeBytes(_ count: Int) -> Bool { bytes.take(count) }

  func giveBackBytes(_ count: Int) { bytes.giveBack(count) }
}
