package import FoundationEssentials
package import Keys
import SPIFFE

/// An X.509 authority of this server that can sign: a CA certificate and its key. Immutable.
package struct X509CA: Sendable {
  /// DER.
  package let certificate: [UInt8]
  /// The certificates between the CA's (included) and its root, empty for a self-signed CA. DER.
  package let upstreamChain: [[UInt8]]
  package let key: any ManagedKey
  /// Lower-case hex of the certificate's SubjectKeyIdentifier.
  package let authorityID: String
  /// Lower-case hex of the certificate's AuthorityKeyIdentifier, empty for a self-signed CA.
  package let upstreamAuthorityID: String
  /// When it was prepared. Rotation counts from here, not from the backdated NotBefore.
  package let issuedAt: Date
  /// Seconds since 1970.
  package let notAfter: Int64
  let subject: DistinguishedName
  let issuer: X509Issuer

  /// - Throws: ``AuthorityError`` when the certificate is malformed or belongs to another key.
  package init(
    certificate: [UInt8], upstreamChain: [[UInt8]] = [], key: any ManagedKey, issuedAt: Date
  ) throws(AuthorityError) {
    let fields = try CertificateFields(der: certificate)
    guard fields.publicKey.elementsEqual(key.publicKey.pkix) else {
      throw AuthorityError(.failedPrecondition, "public key mismatch: the certificate is not for key \"\(key.id)\"")
    }
    guard !fields.subjectKeyID.isEmpty, let subject = DistinguishedName(der: fields.rawSubject) else {
      throw AuthorityError(.invalidArgument, "malformed certificate: no subject key identifier or no subject")
    }
    self.certificate = certificate
    self.upstreamChain = upstreamChain
    self.key = key
    self.issuedAt = issuedAt
    self.subject = subject
    authorityID = Hex.encode(fields.subjectKeyID)
    upstreamAuthorityID = Hex.encode(fields.authorityKeyID)
    notAfter = fields.notAfter
    issuer = X509Issuer(rawName: Array(fields.rawSubject), keyID: fields.subjectKeyID, key: key)
  }

  /// Whether the certificate with this subject key identifier (lower-case hex) stands above the CA.
  func leads(to keyID: String) -> Bool {
    if upstreamAuthorityID == keyID { return true }
    return upstreamChain.contains { der in
      (try? CertificateFields(der: der)).map { Hex.encode($0.authorityKeyID) == keyID } ?? false
    }
  }

  /// Whether the CA is a root of its own.
  package var isSelfSigned: Bool { upstreamChain.isEmpty }
  package var expiresAt: Date { Date(timeIntervalSince1970: Double(notAfter)) }
}
