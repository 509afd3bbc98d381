import Authority
import Foundation
import Mutations
import Testing

@Suite struct AuthoritySlotsTests {
  struct Key: RotatingAuthority, Equatable {
    var authorityID: String
    var issuedAt: Date
    var expiresAt: Date
  }
  typealias Slots = AuthoritySlots<Key>
  static let start = Date(timeIntervalSince1970: 1_800_000_000)
  static let day = 86_400.0

  static func key(_ id: String, _ issued: Date = start, days: Double = 1) -> Key {
    Key(authorityID: id, issuedAt: issued, expiresAt: issued.addingTimeInterval(days * day))
  }

  static func active(days: Double) -> Slots {
    Slots(current: .init(id: .a, authority: key("1", days: days), status: .active))
  }

  @Test func aFreshServerPreparesAndActivatesItsCurrentSlot() {
    var slots = Slots()
    #expect(slots.dueAction(at: Self.start) == .prepare(.current))
    slots.prepared(Self.key("1"), in: .current)
    #expect(slots.dueAction(at: Self.start) == .activateCurrent)
    slots.activatedCurrent()
    #expect(slots.dueAction(at: Self.start) == nil)
    #expect(slots.current.id == .a && slots.next.id == .b && slots.next.isEmpty)
  }

  @Test(arguments: [(1.0, 0.5, 1.0 / 6), (60, 30, 7), (61, 30, 7), (365, 30, 7), (42, 21, 7), (30, 15, 5)])
  func thresholds(_ lifetime: Double, _ prepare: Double, _ activate: Double) {
    var slots = Self.active(days: lifetime)
    let end = Self.start.addingTimeInterval(lifetime * Self.day)
    let preparation = end.addingTimeInterval(-prepare * Self.day)
    #expect(slots.dueAction(at: preparation) == nil)
    #expect(slots.dueAction(at: preparation.addingTimeInterval(1)) == .prepare(.next))
    slots.prepared(Self.key("2", preparation, days: lifetime), in: .next)
    let activation = end.addingTimeInterval(-activate * Self.day)
    #expect(slots.dueAction(at: activation) == nil)
    #expect(slots.dueAction(at: activation.addingTimeInterval(1)) == .activateNext)
  }

  @Test func activationMakesTheOldOneGiveWay() {
    var slots = Self.active(days: 1)
    slots.prepared(Self.key("2"), in: .next)
    slots.activatedNext()
    #expect(slots.current.authority?.authorityID == "2" && slots.current.id == .b && slots.current.status == .active)
    #expect(slots.next.authority?.authorityID == "1" && slots.next.id == .a && slots.next.status == .old)
    #expect(slots.next.isEmpty)
  }

  @Test func aFailedPreparationLeavesTheSlotEmptyAndIsDueAgain() {
    var slots = Self.active(days: 1)
    let late = Self.start.addingTimeInterval(0.9 * Self.day)
    slots.reset(.next)
    #expect(slots.next.authority == nil && slots.next.status == .old)
    // Without a next authority nothing can be activated, however late it is.
    #expect(slots.dueAction(at: late) == .prepare(.next))
  }

  @Test func anExpiredPreparedAuthorityIsReplacedFirst() {
    var slots = Self.active(days: 1)
    slots.prepared(Self.key("2", days: 1), in: .next)
    #expect(slots.dueAction(at: Self.start.addingTimeInterval(3 * Self.day)) == .prepare(.next))
  }

  @Test func aClockThatGoesBackwardsChangesNothing() {
    #expect(Self.active(days: 1).dueAction(at: Self.start.addingTimeInterval(-30 * Self.day)) == nil)
  }

  /// Months of passes every 10 s to hours, some of them failing: at each instant somebody signs who is valid and was
  /// published before.
  @Test(arguments: [1.0, 1.0 / 24, 7, 90, 400])
  func noGapOverManyRotations(_ days: Double) {
    var slots = Slots()
    var now = Self.start
    var published: [String: Date] = [:]
    var signer: Key?
    var made = 0
    var generator = SplitMix64(seed: UInt64(days * 1000))
    let end = Self.start.addingTimeInterval(days * Self.day * 20)
    // Up to a twentieth of a lifetime, or three days, between passes: outages, sleeping machines.
    let longest = min(days / 20, 3) * Self.day
    while now < end {
      var failed = false
      while !failed, let action = slots.dueAction(at: now) {
        // Every third preparation fails, but not so late that nothing would be left.
        switch action {
        case .prepare(let position):
          slots.reset(position)
          let left = (signer?.expiresAt ?? now).timeIntervalSince(now)
          if generator.next() % 3 == 0, left > min(days / 4, 15) * Self.day {
            failed = true
            continue
          }
          made += 1
          let key = Self.key("\(made)", now, days: days)
          published[key.authorityID] = now
          slots.prepared(key, in: position)
        case .activateCurrent: slots.activatedCurrent()
        case .activateNext: slots.activatedNext()
        }
        if slots.current.status == .active { signer = slots.current.authority }
      }
      guard let signer else {
        Issue.record("nobody signs")
        return
      }
      #expect(signer == slots.current.authority)
      if let since = published[signer.authorityID] { #expect(since <= now) } else { Issue.record("unpublished") }
      let step = 10 + Double(generator.next() % 1000) / 1000 * longest
      // Valid now and until the next pass.
      if signer.expiresAt <= now.addingTimeInterval(step) { Issue.record("\(signer) ends before the next pass") }
      now.addTimeInterval(step)
    }
    #expect(made >= 20)
  }
}
