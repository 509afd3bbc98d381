package import SPIFFE

/// A certificate signing request (PKCS #10, RFC 2986). Of what it holds, an issuer uses the public key and, where an
/// operator mints a certificate by hand, the names. The signature is checked only by ``verifySignature()``.
package struct CSR: Sendable {
  /// The most bytes that a request may have.
  package static let maximumSize = 64 * 1024

  /// One extension that the request asks for.
  package struct RequestedExtension: Hashable, Sendable {
    package let type: OID
    package let isCritical: Bool
    package let value: [UInt8]
  }

  /// The request as it came.
  package let der: [UInt8]
  package let publicKey: PublicKey
  /// The DER of the subject.
  package let rawSubject: [UInt8]
  package let subject: DistinguishedName
  /// The URIs of the subject alternative name, in order.
  package let uris: [String]
  /// The DNS names of the subject alternative name, in order.
  package let dnsNames: [String]
  package let extensions: [RequestedExtension]
  /// What the signature covers, the algorithm's identifier, and the signature.
  let signedPart: ArraySlice<UInt8>
  let signatureAlgorithm: OID
  let signature: [UInt8]

  /// Parses a request.
  ///
  /// - Throws: ``AuthorityError`` (invalidArgument) that says which part is malformed.
  package init(der: [UInt8]) throws(AuthorityError) {
    guard der.count <= Self.maximumSize else {
      throw Self.malformed("larger than \(Self.maximumSize) bytes")
    }
    var input = DERReader(der[...])
    guard var request = input.inside(DERTag.sequence) else { throw Self.malformed("not a DER sequence") }
    guard input.isAtEnd else { throw Self.malformed("trailing data") }
    guard let info = request.next(DERTag.sequence), var algorithm = request.inside(DERTag.sequence),
      let signatureAlgorithm = algorithm.objectIdentifier(), let signature = request.wholeBitString(), request.isAtEnd
    else { throw Self.malformed("not a CertificationRequest") }

    var fields = DERReader(info.contents)
    guard fields.next(DERTag.integer)?.contents.elementsEqual([0]) == true else {
      throw Self.malformed("unknown version")
    }
    guard let name = fields.next(DERTag.sequence), let subject = DistinguishedName(der: name.encoded) else {
      throw Self.malformed("subject is not a distinguished name")
    }
    guard let key = fields.next(DERTag.sequence) else { throw Self.malformed("no public key") }
    do {
      publicKey = try PublicKey(pkix: Array(key.encoded))
    } catch {
      throw Self.malformed(error.message, cause: error)
    }
    var requested: [RequestedExtension] = []
    if let attributes = fields.next(DERTag.constructedContext(0)) {
      requested = try Self.extensions(in: attributes.contents)
    }
    guard fields.isAtEnd else { throw Self.malformed("trailing data in the request's information") }

    var uris: [String] = []
    var dnsNames: [String] = []
    for san in requested where san.type == .subjectAlternativeName {
      try Self.read(san.value, uris: &uris, dnsNames: &dnsNames)
    }
    self.der = der
    self.rawSubject = Array(name.encoded)
    self.subject = subject
    self.uris = uris
    self.dnsNames = dnsNames
    self.extensions = requested
    self.signedPart = info.encoded
    self.signatureAlgorithm = signatureAlgorithm
    self.signature = Array(signature)
  }

  private static func extensions(in attributes: ArraySlice<UInt8>) throws(AuthorityError) -> [RequestedExtension] {
    var reader = DERReader(attributes)
    var result: [RequestedExtension] = []
    while !reader.isAtEnd {
      guard var attribute = reader.inside(DERTag.sequence), let type = attribute.objectIdentifier(),
        var values = attribute.inside(DERTag.set), attribute.isAtEnd
      else { throw malformed("bad attribute") }
      guard type == .extensionRequest else { continue }
      guard var list = values.inside(DERTag.sequence), values.isAtEnd else { throw malformed("bad extension request") }
      while !list.isAtEnd {
        guard let item = Self.nextExtension(&list) else { throw malformed("bad extension") }
        guard !result.contains(where: { $0.type == item.type }) else {
          throw malformed("extension \(item.type) appears twice")
        }
        result.append(item)
      }
    }
    return result
  }

  private static func nextExtension(_ list: inout DERReader) -> RequestedExtension? {
    guard let fields = CertificateFields.nextExtension(&list) else { return nil }
    return RequestedExtension(type: fields.type, isCritical: fields.isCritical, value: Array(fields.value))
  }

  private static func read(
    _ san: [UInt8], uris: inout [String], dnsNames: inout [String]
  ) throws(AuthorityError) {
    var outer = DERReader(san[...])
    guard var names = outer.inside(DERTag.sequence), outer.isAtEnd else {
      throw malformed("bad subject alternative name")
    }
    while !names.isAtEnd {
      guard let name = names.next() else { throw malformed("bad subject alternative name") }
      guard name.tag == DERTag.context(2) || name.tag == DERTag.context(6) else { continue }
      guard name.contents.allSatisfy({ $0 < 0x80 }) else {
        throw malformed("a subject alternative name is not ASCII")
      }
      let text = String(decoding: name.contents, as: UTF8.self)
      if name.tag == DERTag.context(6) { uris.append(text) } else { dnsNames.append(text) }
    }
  }

  static func malformed(_ what: String, cause: (any Error)? = nil) -> AuthorityError {
    AuthorityError(.invalidArgument, "malformed certificate request: \(what)", cause: cause)
  }
}
