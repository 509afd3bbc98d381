package import FoundationEssentials

/// The state machine of one kind of authority: which slot signs, which one is next, and what is due (server-behaviour §1.2).
///
/// A value without clock and without effects: ``dueAction(at:)`` says what to do, and the owner, the CA manager, tells
/// what it did through ``reset(_:)``, ``prepared(_:in:)``, ``activatedCurrent()`` and ``activatedNext()``.
package struct AuthoritySlots<Authority: RotatingAuthority>: Sendable {
  package struct Slot: Sendable {
    package let id: SlotID
    package fileprivate(set) var authority: Authority?
    package fileprivate(set) var status: AuthorityStatus

    package init(id: SlotID, authority: Authority? = nil, status: AuthorityStatus = .old) {
      self.id = id
      self.authority = authority
      self.status = status
    }

    /// Whether the next authority may be prepared here. An OLD authority has served and gives way.
    package var isEmpty: Bool { authority == nil || status == .old }
  }

  package enum Position: Hashable, Sendable {
    case current
    case next
  }

  package enum Action: Hashable, Sendable {
    /// Make a new authority in this slot.
    case prepare(Position)
    /// Let the current slot's authority sign.
    case activateCurrent
    /// Let the next slot's authority sign; the slots change places.
    case activateNext
  }

  package private(set) var current: Slot
  package private(set) var next: Slot

  package init(current: Slot = Slot(id: .a), next: Slot? = nil) {
    self.current = current
    self.next = next ?? Slot(id: current.id.other)
  }

  package subscript(position: Position) -> Slot { position == .current ? current : next }

  // MARK: What is due

  /// The next thing to do at `now`, or nil. The owner asks again after each action.
  package func dueAction(at now: Date) -> Action? {
    guard !current.isEmpty, let authority = current.authority else { return .prepare(.current) }
    guard current.status == .active else { return .activateCurrent }
    let hasNext = !next.isEmpty && (next.authority.map { $0.expiresAt > now } ?? false)
    if now > Self.preparation(of: authority) && !hasNext { return .prepare(.next) }
    if now > Self.activation(of: authority) { return .activateNext }
    return nil
  }

  /// Whether the current authority is about to be replaced, so that it should not begin to sign.
  package func isPastActivation(at now: Date) -> Bool {
    current.authority.map { now > Self.activation(of: $0) } ?? false
  }

  /// From here on the next authority is prepared: half of the lifetime, or 30 days, before the end.
  package static func preparation(of authority: Authority) -> Date {
    threshold(authority, part: 2, days: 30)
  }

  /// From here on the next authority signs: a sixth of the lifetime, or 7 days, before the end.
  package static func activation(of authority: Authority) -> Date {
    threshold(authority, part: 6, days: 7)
  }

  private static func threshold(_ authority: Authority, part: Double, days: Double) -> Date {
    let lifetime = authority.expiresAt.timeIntervalSince(authority.issuedAt)
    return authority.expiresAt.addingTimeInterval(-min(lifetime / part, days * 86_400))
  }

  // MARK: What was done

  /// The slot's authority is forgotten: its key is about to be replaced.
  package mutating func reset(_ position: Position) { set(position, Slot(id: self[position].id)) }

  /// A new authority is ready: its key exists and the bundle has it.
  package mutating func prepared(_ authority: Authority, in position: Position) {
    set(position, Slot(id: self[position].id, authority: authority, status: .prepared))
  }

  /// The current slot's authority signs.
  package mutating func activatedCurrent() { current.status = .active }

  /// The next slot's authority signs; the one that did becomes OLD and waits in the next slot.
  package mutating func activatedNext() {
    swap(&current, &next)
    current.status = .active
    next.status = .old
  }

  private mutating func set(_ position: Position, _ slot: Slot) {
    switch position {
    case .current: current = slot
    case .next: next = slot
    }
  }
}
