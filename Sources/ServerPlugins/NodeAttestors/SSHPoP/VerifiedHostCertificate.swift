import FoundationEssentials
import NodeProofs

/// A host certificate that a configured authority signed, for a host of the canonical domain, valid when it was looked
/// at. Its one initialiser checks that; whether the agent has the host's key is ``SSHPoPNode``'s question.
struct VerifiedHostCertificate: Sendable {
  let certificate: SSHCertificate
  /// The first principal, without the canonical domain.
  let hostname: String

  init(_ claimed: SSHCertificate, settings: SSHPoPSettings, at now: Date) throws(ServerPluginError) {
    guard let principal = claimed.principals.first, !principal.isEmpty else {
      throw ServerPluginError(.internal, "cert has no valid principals")
    }
    do { try Self.check(claimed, principal, settings.authorities, now) } catch {
      throw ServerPluginError(.internal, "failed to check host key: \(error)", cause: error)
    }
    var hostname = principal
    if !settings.canonicalDomain.isEmpty {
      let suffix = "." + settings.canonicalDomain
      guard principal.hasSuffix(suffix) else {
        throw ServerPluginError(
          .internal, "failed to decanonicalize hostname: cert principal is not in domain \"\(suffix)\"")
      }
      hostname = String(principal.dropLast(suffix.count))
    }
    certificate = claimed
    self.hostname = hostname
  }

  private static func check(
    _ certificate: SSHCertificate, _ principal: String, _ authorities: Set<SSHPublicKey>, _ now: Date
  ) throws(NodeProofError) {
    guard certificate.kind == SSHCertificate.hostKind else {
      throw NodeProofError("ssh: certificate presented as a host key has type \(certificate.kind)")
    }
    guard authorities.contains(certificate.authority) else {
      throw NodeProofError("ssh: no authorities for hostname: \(principal.prefix(256)):22")
    }
    guard !principal.contains(where: { ":[]".contains($0) }) else {
      throw NodeProofError("address \(principal.prefix(256)):22: too many colons in address")
    }
    // Who may connect from where is no question here; every other restriction would have to be understood.
    if let option = certificate.criticalOptions.first(where: { $0.name != "source-address" }) {
      throw NodeProofError("ssh: unsupported critical option \"\(option.name.prefix(80))\" in certificate")
    }
    // Before 1970 and beyond what Int64 holds nothing is valid.
    let seconds = now.timeIntervalSince1970.rounded(.down)
    guard seconds >= 0, let time = UInt64(exactly: seconds), time >= certificate.validAfter else {
      throw NodeProofError("ssh: cert is not yet valid")
    }
    guard certificate.validBefore == .max || (time < certificate.validBefore && certificate.validBefore <= Int64.max)
    else { throw NodeProofError("ssh: cert has expired") }
    do { try certificate.authority.verify(certificate.signature, for: certificate.signedBytes) } catch {
      throw NodeProofError("ssh: certificate signature does not verify")
    }
  }
}
