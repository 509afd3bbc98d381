package import SPIFFE

/// A certificate before it is signed, by meaning. The credential builder makes it, composers change parts of it, and
/// only a ``ValidatedTemplate`` made from it can be signed.
package struct X509Template: Hashable, Sendable {
  /// What the certificate is for; decides which rules of server-behaviour §4.5 it must pass.
  package enum Purpose: Hashable, Sendable {
    /// A CA certificate of a trust domain.
    case authority(TrustDomain)
    /// An X.509-SVID of this ID.
    case svid(SPIFFEID)
  }

  package var purpose: Purpose
  package var serialNumber: UInt128
  package var subject: DistinguishedName
  /// DER of the subject, where it must stay byte for byte what was asked for; nil to encode ``subject``.
  var rawSubject: [UInt8]?
  package var publicKey: PublicKey
  /// Seconds since 1970.
  package var notBefore: Int64
  /// Seconds since 1970.
  package var notAfter: Int64
  package var isCA: Bool
  package var keyUsage: KeyUsage
  package var extendedKeyUsage: [OID]
  package var dnsNames: [String]
  package var uris: [String]
  package var policyIdentifiers: [OID]
  package var extraExtensions: [X509Extension]

  package init(
    purpose: Purpose, serialNumber: UInt128, subject: DistinguishedName, publicKey: PublicKey, notBefore: Int64,
    notAfter: Int64
  ) {
    self.purpose = purpose
    self.serialNumber = serialNumber
    self.subject = subject
    self.publicKey = publicKey
    self.notBefore = notBefore
    self.notAfter = notAfter
    dnsNames = []
    policyIdentifiers = []
    extraExtensions = []
    switch purpose {
    case .authority(let trustDomain):
      isCA = true
      keyUsage = .authority
      extendedKeyUsage = []
      uris = [trustDomain.idString]
    case .svid(let id):
      isCA = false
      keyUsage = .svid
      extendedKeyUsage = [.serverAuth, .clientAuth]
      uris = [id.description]
    }
  }
}
