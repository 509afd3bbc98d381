import Keys
import SPIFFE

/// Signs certificates. It takes only a ``ValidatedTemplate``, and only `Authority` calls it.
///
/// A value; the key does the work. P-256 keys of this process sign on the caller's thread, others elsewhere.
struct X509Signer: Sendable {
  let issuer: X509Issuer

  /// Signs `validated`.
  ///
  /// - Throws: ``AuthorityError`` when the key cannot sign.
  nonisolated(nonsending) func sign(_ validated: ValidatedTemplate) async throws(AuthorityError) -> SignedCertificate {
    let template = validated.template
    let subjectKeyID = template.publicKey.subjectKeyIdentifier
    let algorithm = issuer.algorithm
    let tbs = CertificateEncoder(issuer: issuer, algorithm: algorithm)
      .tbsCertificate(template, subjectKeyID: subjectKeyID)
    let signature: [UInt8]
    do {
      let key = issuer.key
      if key.signsInline {
        signature = try key.signNow(tbs, algorithm: algorithm.signing)
      } else {
        signature = try await key.sign(tbs, algorithm: algorithm.signing)
      }
    } catch {
      throw AuthorityError(.internal, "unable to sign certificate: \(error)", cause: error)
    }
    var writer = DERWriter(capacity: tbs.count + signature.count + 32)
    writer.sequence {
      $0.raw(tbs)
      $0.raw(algorithm.identifier)
      $0.bitString(signature)
    }
    return SignedCertificate(der: writer.bytes, template: template, subjectKeyID: subjectKeyID)
  }
}
