package import SPIFFE

/// A workload's WIT-SVID to be issued. The caller has checked who may have it.
package struct WITSVIDRequest: Sendable {
  package var id: SPIFFEID
  /// The workload's key, which the token binds to its identity.
  package var publicKey: PublicKey
  /// What the workload signs with that key. It has to fit.
  package var algorithm: JWSAlgorithm
  /// Zero, negative or nil stands for an hour.
  package var ttl: Duration?

  package init(id: SPIFFEID, publicKey: PublicKey, algorithm: JWSAlgorithm, ttl: Duration? = nil) {
    self.id = id
    self.publicKey = publicKey
    self.algorithm = algorithm
    self.ttl = ttl
  }
}
