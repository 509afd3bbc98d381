import Daemon
import FoundationEssentials
import SPIFFE

/// A template that passed the rules of its purpose (server-behaviour §4.5, X509-SVID §4). The only thing that can be
/// signed; it cannot be made in any other way, so nothing unchecked is ever signed.
package struct ValidatedTemplate: Sendable {
  package let template: X509Template

  /// Checks what composers and callers left.
  ///
  /// - Throws: ``AuthorityError`` with upstream's words, `invalid X509 CA: …` or `invalid X509-SVID: …`.
  package init(_ template: X509Template, at now: Int64) throws(AuthorityError) {
    let reason: String?
    let subject: String
    switch template.purpose {
    case .authority(let trustDomain):
      subject = "X509 CA"
      reason = Self.problem(authority: template, of: trustDomain)
    case .svid(let id):
      subject = "X509-SVID"
      reason = Self.problem(svid: template, of: id)
    }
    if let reason = reason ?? Self.problem(of: template, at: now) {
      throw AuthorityError(.internal, "invalid \(subject): \(reason)")
    }
    self.template = template
  }

  private static func problem(authority template: X509Template, of trustDomain: TrustDomain) -> String? {
    guard template.isCA else { return "cA constraint is not set" }
    guard template.keyUsage.contains(.keyCertSign) else { return "keyCertSign key usage must be set" }
    guard template.keyUsage.subtracting([.keyCertSign, .crlSign, .digitalSignature]).isEmpty else {
      return "only keyCertSign, cRLSign, or digitalSignature key usage can be set"
    }
    guard template.uris.count <= 1 else { return "only one URI SAN is expected" }
    if let uri = template.uris.first, uri != trustDomain.idString {
      return "URI SAN \"\(uri)\" is not the trust domain's ID \"\(trustDomain.idString)\""
    }
    return nil
  }

  private static func problem(svid template: X509Template, of id: SPIFFEID) -> String? {
    guard !id.path.isEmpty else { return "SPIFFE ID \"\(id)\" has no path" }
    guard !template.isCA else { return "cA constraint must not be set" }
    guard template.keyUsage.contains(.digitalSignature) else { return "digitalSignature key usage must be set" }
    guard template.keyUsage.subtracting(.svid).isEmpty else {
      return "only digitalSignature, keyEncipherment, and keyAgreement key usage can be set"
    }
    let uses = template.extendedKeyUsage
    guard uses.isEmpty || (uses.contains(.serverAuth) && uses.contains(.clientAuth)) else {
      return "both serverAuth and clientAuth extended key usages must be set"
    }
    guard template.uris == [id.description] else {
      return "exactly one URI SAN \"\(id)\" is expected, found \(template.uris)"
    }
    return nil
  }

  /// What holds for every certificate.
  private static func problem(of template: X509Template, at now: Int64) -> String? {
    guard template.serialNumber > 0 else { return "serial number must be positive" }
    guard template.notAfter > template.notBefore else {
      // No certificate outlives its CA, so this is a CA that has expired.
      return "no time is left, the end is \(text(template.notAfter)) and now is \(text(now)): the CA has expired; "
        + "it is replaced within seconds, else check this server's clock and its log"
    }
    guard template.notBefore >= CivilTime.first, template.notAfter <= CivilTime.last else {
      return "validity cannot be encoded"
    }
    guard now >= template.notBefore else { return "not yet valid until \(text(template.notBefore))" }
    guard now <= template.notAfter else { return "already expired as of \(text(template.notAfter))" }
    guard (template.dnsNames + template.uris).allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { $0 < 0x80 } }) else {
      return "subject alternative names must be ASCII"
    }
    // A composer must not put its own value in place of one that was checked above.
    for item in template.extraExtensions where Self.reserved.contains(item.type) {
      return "extra extension \(item.type) would replace one of the profile"
    }
    guard Set(template.extraExtensions.map(\.type)).count == template.extraExtensions.count else {
      return "an extra extension appears twice"
    }
    return nil
  }

  private static let reserved: Set<OID> = [
    .keyUsage, .extendedKeyUsage, .basicConstraints, .subjectKeyIdentifier, .authorityKeyIdentifier,
    .subjectAlternativeName, .certificatePolicies,
  ]

  private static func text(_ unixSeconds: Int64) -> String {
    GoTime.rfc3339(Date(timeIntervalSince1970: Double(unixSeconds)))
  }
}
