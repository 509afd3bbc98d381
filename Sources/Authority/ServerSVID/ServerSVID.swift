package import SPIFFE

/// The server's own X.509-SVID with its key: what its endpoints present.
package struct ServerSVID: Sendable {
  package let id: SPIFFEID
  /// The leaf, then intermediates. DER.
  package let chain: [[UInt8]]
  /// The leaf's private key, PKCS #8 DER. For TLS only; never logged.
  package let privateKey: [UInt8]
  /// Seconds since 1970.
  package let notBefore: Int64
  /// Seconds since 1970.
  package let expiresAt: Int64
  package let subject: DistinguishedName
  /// The X.509 authority that signed it.
  package let authorityID: String
}
