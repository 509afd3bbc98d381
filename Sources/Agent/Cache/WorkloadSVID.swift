package import FoundationEssentials
package import SPIFFE

/// An X509-SVID of a workload with its private key. Immutable and shared by everyone who is served with it.
package final class WorkloadSVID: Sendable {
  package let id: SPIFFEID
  /// The certificates' DER bytes one after the other, leaf first.
  package let chain: [UInt8]
  /// PKCS#8, DER.
  package let privateKey: [UInt8]
  package let notBefore: Date
  package let notAfter: Date
  /// The key identifiers of the authorities that signed the chain's certificates.
  package let authorityKeyIDs: [[UInt8]]
  /// The entry's state that it was issued for.
  package let revisionNumber: Int64
  package let createdAt: Int64
  /// From when on it is to be replaced.
  package let rotationTime: Date

  /// Checks that the chain's leaf is what was asked for: this identity, this key.
  package init(
    entry: AgentEntry, chain certificates: [[UInt8]], publicKey: [UInt8], privateKey: [UInt8], policy: RotationPolicy,
    random: Randomness
  ) throws(AgentError) {
    guard let leaf = certificates.first else { throw AgentError(.malformed, "the X509-SVID has no certificate") }
    let facts = try CertificateFacts(leaf: leaf)
    guard facts.id == entry.spiffeID else {
      throw AgentError(.malformed, "the X509-SVID is for \"\(facts.id)\", not for \"\(entry.spiffeID)\"")
    }
    guard facts.publicKey == publicKey else {
      throw AgentError(.malformed, "the X509-SVID of \"\(facts.id)\" is for another key than the one requested")
    }
    id = facts.id
    chain = Array(certificates.joined())
    self.privateKey = privateKey
    notBefore = facts.notBefore
    notAfter = facts.notAfter
    authorityKeyIDs = CertificateFacts.authorityKeyIDs(ofChain: certificates)
    revisionNumber = entry.revisionNumber
    createdAt = entry.createdAt
    rotationTime = policy.rotationTime(notBefore: facts.notBefore, notAfter: facts.notAfter, random)
  }

  /// Whether it was issued for this state of the entry.
  package func isCurrent(for entry: AgentEntry) -> Bool {
    revisionNumber == entry.revisionNumber && createdAt == entry.createdAt
  }
}
