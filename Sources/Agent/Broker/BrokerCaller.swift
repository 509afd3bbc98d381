import Daemon
import FoundationEssentials
import SPIFFE
import Synchronization
import X509

/// The broker that makes one call, and whether it still is one: its SVID may expire, its authority be revoked or
/// tainted, its trust domain be forgotten while a stream lasts. A lock isolates what was found out last.
final class BrokerCaller: Sendable {
  let id: SPIFFEID
  private let svid: VerifiedX509SVID
  private let trust: BrokerTrust
  /// The bundle that the SVID was verified with last.
  private let verified = Mutex<PreparedBundle?>(nil)
  /// The first end of a certificate on the way to the authority.
  private let validUntil: Date

  init(_ svid: VerifiedX509SVID, _ trust: BrokerTrust) {
    id = svid.id
    self.svid = svid
    self.trust = trust
    let ends = svid.chain.compactMap { try? X509Certificates.parse(der: $0).notValidAfter }
    validUntil = ends.min() ?? svid.expiresAt
  }

  /// - Throws: ``AgentError`` `unauthenticated`: the broker must come back with another SVID.
  func check() throws(AgentError) {
    do {
      let anchors = try trust.anchors(of: id.trustDomain)
      if trust.time.now < validUntil, verified.withLock({ $0 === anchors.bundle }) { return }
      _ = try trust.verify(svid.chain.dropLast(), anchors)
      verified.withLock { $0 = anchors.bundle }
    } catch {
      throw AgentError(.unauthenticated, "the caller's X509-SVID does not count any more: \(error)", cause: error)
    }
  }

  /// When to look again at the latest.
  var interval: Duration {
    let left = validUntil.timeIntervalSince(trust.time.now)
    return .milliseconds(Int64(min(60, max(0.01, left + 0.001)) * 1000))
  }
}
