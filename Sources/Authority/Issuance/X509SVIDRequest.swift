package import SPIFFE

/// A workload's X.509-SVID to be issued. The caller has checked who may have it.
package struct X509SVIDRequest: Sendable {
  package var id: SPIFFEID
  package var publicKey: PublicKey
  /// The first one becomes the common name.
  package var dnsNames: [String]
  /// Used instead of `C=US, O=SPIRE` when it is not empty (MintX509SVID).
  package var subject: DistinguishedName?
  /// Zero, negative or nil stands for the configured default.
  package var ttl: Duration?

  package init(
    id: SPIFFEID, publicKey: PublicKey, dnsNames: [String] = [], subject: DistinguishedName? = nil,
    ttl: Duration? = nil
  ) {
    self.id = id
    self.publicKey = publicKey
    self.dnsNames = dnsNames
    self.subject = subject
    self.ttl = ttl
  }
}
