package import FoundationEssentials
package import SPIFFE

/// An X509-SVID and everything that is written beside it. A value, as the agent stores it and as the Workload API gives
/// it; certificates and keys are DER.
package struct X509Material: Hashable, Sendable {
  package let id: SPIFFEID
  /// Leaf first.
  package let chain: [[UInt8]]
  /// PKCS#8.
  package let privateKey: [UInt8]
  /// The authorities of the SVID's trust domain.
  package let bundle: [[UInt8]]
  /// Those of other trust domains.
  package let federatedBundles: [TrustDomain: [[UInt8]]]
  package let expiresAt: Date

  package init(
    id: SPIFFEID, chain: [[UInt8]], privateKey: [UInt8], bundle: [[UInt8]],
    federatedBundles: [TrustDomain: [[UInt8]]] = [:], expiresAt: Date
  ) {
    self.id = id
    self.chain = chain
    self.privateKey = privateKey
    self.bundle = bundle
    self.federatedBundles = federatedBundles
    self.expiresAt = expiresAt
  }
}
