import FoundationEssentials

/// How long a token of Vault is good, and what to do about it when. A value: no clock, no calls. ``VaultClient`` owns one.
struct VaultSession: Sendable {
  /// What Vault says of a token, at a login, a renewal or when it is asked about one that was given.
  struct Lease: Equatable, Sendable {
    var token: String
    /// In seconds; 0 for a token without end.
    var duration: Int64
    var isRenewable: Bool
  }

  enum Need: Equatable, Sendable {
    /// The token is good.
    case nothing
    /// It is good, and should be renewed while it is.
    case renewal
    /// There is none, or it has ended.
    case login
  }

  /// Of a lease, when it is renewed.
  private static let renewalShare = 2.0 / 3

  private(set) var lease: Lease?
  private var since = Date.distantPast
  /// After a renewal that failed: when the next one is due.
  private var notBefore = Date.distantPast

  /// When the token ends; nil for never, or where there is none.
  var end: Date? { lease.flatMap { $0.duration > 0 ? since.addingTimeInterval(Double($0.duration)) : nil } }

  /// When something is to be done without being asked; nil for never.
  var due: Date? {
    guard let lease, lease.isRenewable, lease.duration > 0 else { return nil }
    return max(since.addingTimeInterval(Double(lease.duration) * Self.renewalShare), notBefore)
  }

  func need(at now: Date) -> Need {
    guard lease != nil else { return .login }
    if let end, now >= end { return .login }
    // A clock that was set back says nothing about the token.
    if let due, now >= due { return .renewal }
    return .nothing
  }

  /// How old the token, or its last renewal, is.
  func age(at now: Date) -> Double { now.timeIntervalSince(since) }

  mutating func began(_ lease: Lease, at now: Date) {
    self.lease = lease
    since = now
    notBefore = .distantPast
  }

  /// A renewal failed: tries again after a while, more often towards the end.
  mutating func renewalFailed(at now: Date) {
    let rest = end.map { $0.timeIntervalSince(now) } ?? 0
    notBefore = now.addingTimeInterval(min(60, max(1, rest / 5)))
  }

  /// Vault no longer takes the token.
  mutating func ended() { lease = nil }
}
