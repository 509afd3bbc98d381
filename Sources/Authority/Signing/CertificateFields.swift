import SPIFFE

/// The parts of a certificate that an issuer needs raw: names byte by byte, key identifiers, the key, the end of validity.
///
/// Read from certificates of the own CA only: the journal's, the bundle's, those just made. They prove nothing by
/// themselves; verification of peers is the SPIFFE library's.
struct CertificateFields: Sendable {
  let serialNumber: ArraySlice<UInt8>
  let rawSubject: ArraySlice<UInt8>
  let publicKey: ArraySlice<UInt8>
  let notBefore: Int64
  let notAfter: Int64
  /// Empty when the certificate has no such extension.
  let subjectKeyID: [UInt8]
  /// Empty when the certificate has no such extension.
  let authorityKeyID: [UInt8]

  init(der: [UInt8]) throws(AuthorityError) {
    var input = DERReader(der[...])
    guard var certificate = input.inside(DERTag.sequence), input.isAtEnd, var tbs = certificate.inside(DERTag.sequence),
      tbs.next(DERTag.constructedContext(0)) != nil, let serial = tbs.next(DERTag.integer),
      tbs.next(DERTag.sequence) != nil, tbs.next(DERTag.sequence) != nil,
      var validity = tbs.inside(DERTag.sequence), let notBefore = validity.time(), let notAfter = validity.time(),
      let subject = tbs.next(DERTag.sequence), let key = tbs.next(DERTag.sequence)
    else { throw AuthorityError(.invalidArgument, "malformed certificate: not an X.509 v3 certificate") }
    serialNumber = serial.contents
    rawSubject = subject.encoded
    publicKey = key.encoded
    self.notBefore = notBefore
    self.notAfter = notAfter

    var subjectKeyID: [UInt8] = []
    var authorityKeyID: [UInt8] = []
    while let element = tbs.next() {
      guard element.tag == DERTag.constructedContext(3) else { continue }
      var wrapper = DERReader(element.contents)
      guard var list = wrapper.inside(DERTag.sequence) else { break }
      while let item = Self.nextExtension(&list) {
        var value = DERReader(item.value)
        switch item.type {
        case .subjectKeyIdentifier: subjectKeyID = Array(value.next(DERTag.octetString)?.contents ?? [])
        case .authorityKeyIdentifier:
          var fields = value.inside(DERTag.sequence)
          authorityKeyID = Array(fields?.next(DERTag.context(0))?.contents ?? [])
        default: break
        }
      }
    }
    self.subjectKeyID = subjectKeyID
    self.authorityKeyID = authorityKeyID
  }

  /// The next `Extension` of a list (RFC 5280 §4.1).
  static func nextExtension(_ list: inout DERReader) -> (type: OID, isCritical: Bool, value: ArraySlice<UInt8>)? {
    guard var item = list.inside(DERTag.sequence), let type = item.objectIdentifier() else { return nil }
    var isCritical = false
    if let flag = item.next(DERTag.boolean) {
      guard flag.contents.elementsEqual([0xFF]) else { return nil }
      isCritical = true
    }
    guard let value = item.next(DERTag.octetString), item.isAtEnd else { return nil }
    return (type, isCritical, value.contents)
  }
}
