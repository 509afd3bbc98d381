import Daemon
package import FoundationEssentials

/// When an X509-SVID is to be replaced (agent-behaviour §5, §7). A value without a clock.
///
/// Half of the lifetime, spread by ±10 % so that a fleet does not renew at one moment; with an availability target,
/// also as soon as no more than the target is left.
package struct RotationPolicy: Hashable, Sendable {
  /// A target is followed only when the lifetime exceeds it by this much; else it would mean constant renewal.
  package static let targetMargin: Duration = .seconds(12 * 3600)

  package let availabilityTarget: Duration?

  package init(availabilityTarget: Duration? = nil) { self.availabilityTarget = availabilityTarget }

  /// The moment from which the SVID is to be replaced.
  package func rotationTime(notBefore: Date, notAfter: Date, _ random: Randomness) -> Date {
    let lifetime = notAfter.timeIntervalSince(notBefore)
    guard lifetime > 0 else { return notAfter }
    let half = notAfter.addingTimeInterval(-(lifetime / 2) * random.factor(0.1))
    guard let target = availabilityTarget, isFeasible(lifetime: lifetime) else { return half }
    return min(half, notAfter.addingTimeInterval(-(target.seconds + 600 * random.unit())))
  }

  /// Whether the lifetime is long enough for the availability target; true without a target.
  package func isFeasible(lifetime: Double) -> Bool {
    guard let target = availabilityTarget else { return true }
    return lifetime - target.seconds > Self.targetMargin.seconds
  }
}
