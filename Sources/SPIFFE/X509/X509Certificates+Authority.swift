package import FoundationEssentials
import X509

extension X509Certificates {
  /// Checks that a CA certificate may sign and leads to one of `roots`.
  ///
  /// - Parameters:
  ///   - chain: the CA's certificate, then certificates that may lead to a root. DER.
  ///   - roots: DER.
  ///   - date: the time at which every certificate of the path must be valid.
  /// - Throws: ``SPIFFEError``: `malformedCertificate`, `invalidPath`, `unknownAuthority` or `expired`.
  package static func verifyAuthority(chain: [[UInt8]], roots: [[UInt8]], at date: Date) throws(SPIFFEError) {
    guard let first = chain.first else { throw SPIFFEError(.malformedCertificate, "x509: no certificate") }
    guard chain.count <= X509SVIDVerifier.maximumChainLength else {
      throw SPIFFEError(
        .chainTooLong, "x509: chain is longer than \(X509SVIDVerifier.maximumChainLength) certificates")
    }
    let authority = try X509Candidate(der: first)
    guard authority.isCA, authority.keyUsage?.keyCertSign ?? true else {
      throw SPIFFEError(.invalidPath, "x509: certificate is not authorized to sign other certificates")
    }
    var anchors: [X509Candidate] = []
    for root in roots { anchors.append(try X509Candidate(der: root)) }
    var intermediates: [X509Candidate] = []
    for der in chain.dropFirst() { intermediates.append(try X509Candidate(der: der)) }
    var builder = X509PathBuilder(anchors: anchors, intermediates: intermediates, at: date)
    _ = try builder.path(from: authority)
  }
}
