package import SPIFFE

/// An X.509-SVID or a downstream CA certificate as it goes to its owner.
package struct IssuedX509SVID: Hashable, Sendable {
  package let id: SPIFFEID
  /// The certificate, then the intermediates up to but not including the root. DER.
  package let chain: [[UInt8]]
  package let serial: UInt128
  /// Seconds since 1970.
  package let notBefore: Int64
  /// Seconds since 1970.
  package let expiresAt: Int64
  /// The common name and all, as in the certificate.
  package let subject: DistinguishedName
  /// The X.509 authority that signed it.
  package let authorityID: String

  /// The certificate's serial number in decimal.
  package var serialNumber: String { String(serial) }
}
