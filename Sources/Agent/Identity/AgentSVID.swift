package import FoundationEssentials
package import Keys
package import SPIFFE

/// The agent's own X509-SVID with its key. A value.
package struct AgentSVID: Sendable {
  package let id: SPIFFEID
  /// DER, leaf first.
  package let chain: [[UInt8]]
  package let key: any ManagedKey
  package let notBefore: Date
  package let notAfter: Date
  package let reattestable: Bool

  /// - Throws: ``AgentError`` `malformed` when the leaf cannot be read or belongs to another key.
  package init(chain: [[UInt8]], key: any ManagedKey, reattestable: Bool) throws(AgentError) {
    guard let leaf = chain.first else { throw AgentError(.malformed, "the agent's X509-SVID has no certificate") }
    let facts = try CertificateFacts(leaf: leaf)
    guard facts.publicKey == key.publicKey.pkix else {
      throw AgentError(.malformed, "the agent's X509-SVID is for another key than the one requested")
    }
    id = facts.id
    self.chain = chain
    self.key = key
    notBefore = facts.notBefore
    notAfter = facts.notAfter
    self.reattestable = reattestable
  }

  /// Whether it cannot be used any more; one second is left for the way to the server.
  package func isExpired(at now: Date) -> Bool { notAfter <= now.addingTimeInterval(1) }
}
