import Daemon
import DatastoreAPI
import FoundationEssentials
import Logging
import SPIFFE

extension CAManager {
  /// Acts on a clock that went back behind the beginning of the active CA: what that CA signs is refused until it begins.
  ///
  /// A clock that was far ahead made a CA of the future, which agents may never have heard of. The CA before it signs
  /// again if it can. A new one is not made: with a clock that is behind it would replace what is good when the clock
  /// is right again; it is said, once, what an operator can do.
  func checkClock() async {
    guard let ca = authority.activeX509CA else { return }
    let wasBehind = clockIsBehind
    clockIsBehind = ca.begins(after: time.now)
    guard clockIsBehind else { return }
    if await canSignAgain(x509.next) {
      do {
        try await activateX509(.next)
        clockIsBehind = false
        return log.warning(
          "The clock of this server was ahead; the X509 CA before it signs again", metadata: fields(ca))
      } catch {
        log.error("Unable to activate the earlier X509 CA", metadata: ["error": "\(error)"])
      }
    }
    guard !wasBehind else { return }
    log.error(
      """
      The clock of this server is behind the active X509 CA: what it signs is refused until the CA begins. Set the \
      clock right, or prepare and activate another authority with "spire-server localauthority x509"
      """,
      metadata: fields(ca))
  }

  /// Whether the CA of a slot has served, is valid now, and is still trusted.
  private func canSignAgain(_ slot: AuthoritySlots<X509CA>.Slot) async -> Bool {
    guard slot.status == .old, let ca = slot.authority, !ca.begins(after: time.now),
      ca.expiresAt > time.now.addingTimeInterval(60), !authority.isTainted(x509AuthorityID: ca.authorityID),
      let bundle = try? await datastore.fetchBundle(of: trustDomain)
    else { return false }
    return bundle.x509Authorities.contains(X509Authority(der: ca.certificate, tainted: false))
  }

  private func fields(_ ca: X509CA) -> Logger.Metadata {
    ["local_authority_id": "\(ca.authorityID)", "not_before": "\(GoTime.rfc3339(ca.begin))"]
  }
}

extension X509CA {
  /// When its certificate begins to be valid.
  var begin: Date { issuedAt.addingTimeInterval(-Double(TemplateBuilder.backdate)) }

  func begins(after time: Date) -> Bool { begin > time }
}
