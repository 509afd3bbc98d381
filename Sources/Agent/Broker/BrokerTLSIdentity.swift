package import RPC
package import SPIFFE

/// What the broker endpoint presents, and whom it lets in: the agent's own SVID of the moment; brokers, and nobody
/// without a certificate. Asked per connection; keeps nothing.
package struct BrokerTLSIdentity: TLSIdentity {
  private let identity: AgentIdentity
  private let trust: BrokerTrust

  package init(_ identity: AgentIdentity, _ trust: BrokerTrust) {
    self.identity = identity
    self.trust = trust
  }

  package var requiresPeerCertificate: Bool { true }

  package func credential() throws -> TLSCredential {
    let svid = identity.svid
    return TLSCredential(chain: svid.chain, key: .signer(ManagedKeySigner(svid.key)))
  }

  package func verify(_ chain: [[UInt8]]) async throws -> VerifiedX509SVID { try trust.verify(chain) }
}
