package import FoundationEssentials
package import X509

/// Verifies certificates that some PKI issued to nodes, not SVIDs, against its roots: no I/O, bounded work. The node
/// attestors of the server have one per set of roots, which are parsed when it is made.
package struct X509ChainVerifier: Sendable {
  private let anchors: [X509Candidate]

  /// - Parameter roots: DER; a certificate that leads nowhere counts as a root too.
  package init(roots: [[UInt8]]) throws(SPIFFEError) {
    var anchors: [X509Candidate] = []
    for der in roots { anchors.append(try X509Candidate(der: der)) }
    self.anchors = anchors
  }

  /// Verifies a chain: the node's certificate first, then what may lead to a root, in any order.
  ///
  /// - Parameter date: the time at which every certificate of a path must be valid.
  /// - Throws: ``SPIFFEError``: `malformedCertificate`, `unknownAuthority`, `expired`, `invalidPath` or `chainTooLong`.
  package func verify(
    leaf: [UInt8], intermediates: [[UInt8]], at date: Date
  ) throws(SPIFFEError) -> VerifiedX509Chain {
    let node = try X509Candidate(der: leaf)
    var between: [X509Candidate] = []
    for der in intermediates { between.append(try X509Candidate(der: der)) }
    var builder = X509PathBuilder(anchors: anchors, intermediates: between, at: date)
    let paths = try builder.paths(from: node)
    return VerifiedX509Chain(leaf: node, paths: paths)
  }

  /// The size of the RSA key in a certificate, found without any arithmetic; nil for other keys and for what is no
  /// certificate.
  package static func rsaKeySize(ofCertificate der: [UInt8]) -> Int? {
    var file = DERReader(der[...])
    guard var certificate = file.inside(DERTag.sequence), var fields = certificate.inside(DERTag.sequence) else {
      return nil
    }
    if fields.nextTag == DERTag.constructedContext(0) { _ = fields.next() }
    for _ in 0..<5 where fields.next() == nil { return nil }
    guard var info = fields.inside(DERTag.sequence), let algorithm = info.next(DERTag.sequence)?.contents,
      algorithm.starts(with: [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01]),
      let bits = info.wholeBitString()
    else { return nil }
    var key = DERReader(bits)
    guard var numbers = key.inside(DERTag.sequence), let modulus = numbers.next(DERTag.integer)?.contents else {
      return nil
    }
    let digits = modulus.drop { $0 == 0 }
    return digits.count * 8 - (digits.first?.leadingZeroBitCount ?? 0)
  }
}

/// A certificate that led to a root when it was verified, and all ways there that were found. Only ``X509ChainVerifier``
/// makes one. It says nothing about who has the private key.
package struct VerifiedX509Chain: Sendable {
  package let leaf: Certificate
  package let leafDER: [UInt8]
  /// The names of the subjectAltName extension.
  package let names: [GeneralName]
  package let mayMakeSignatures: Bool
  /// DER; each begins with the node's certificate and ends with a root. A node's certificate that is a root stands alone.
  package let paths: [[[UInt8]]]

  init(leaf: X509Candidate, paths: [[X509Candidate]]) {
    self.leaf = leaf.certificate
    leafDER = leaf.der
    names = leaf.names
    mayMakeSignatures = leaf.keyUsage?.digitalSignature == true
    self.paths = paths.map { $0.map(\.der) }
  }
}
