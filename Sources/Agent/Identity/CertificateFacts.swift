package import FoundationEssentials
package import SPIFFE
import X509

/// What the agent wants to know about a certificate of an X509-SVID. A value made by parsing.
package struct CertificateFacts: Hashable, Sendable {
  package let id: SPIFFEID
  package let notBefore: Date
  package let notAfter: Date
  /// The public key as SubjectPublicKeyInfo, DER.
  package let publicKey: [UInt8]

  /// Parses the leaf of an X509-SVID.
  package init(leaf der: [UInt8]) throws(AgentError) {
    do {
      let certificate = try X509Certificates.parse(der: der)
      id = try X509Certificates.spiffeID(of: certificate)
      notBefore = certificate.notValidBefore
      notAfter = certificate.notValidAfter
      publicKey = try X509Certificates.publicKey(of: certificate).pkix
    } catch {
      throw AgentError(.malformed, "unable to parse the certificate of an X509-SVID: \(error)", cause: error)
    }
  }

  /// The key identifiers of the authorities that signed the certificates of `chain`.
  package static func authorityKeyIDs(ofChain chain: [[UInt8]]) -> [[UInt8]] {
    chain.compactMap { der in
      (try? X509Certificates.parse(der: der)).flatMap(X509Certificates.authorityKeyIdentifier)
    }
  }

  /// The key identifier that the certificate of an authority gives itself.
  package static func subjectKeyID(of der: [UInt8]) -> [UInt8]? {
    (try? X509Certificates.parse(der: der)).flatMap(X509Certificates.subjectKeyIdentifier)
  }
}
