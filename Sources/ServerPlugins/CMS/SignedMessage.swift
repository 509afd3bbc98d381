import Crypto
package import SPIFFE

/// A signed message as it came (CMS SignedData, RFC 5652 §5; PKCS #7 calls it the same). Nothing of it is verified, and
/// its content cannot be had from here: ``verified(with:)`` gives it to who knows the signer's key.
///
/// Exactly one signer, content inside, SHA-2 digests, RSA or ECDSA signatures. A value; parsing is total on any bytes.
package struct SignedMessage: Sendable {
  /// Longer messages are refused before they are looked at. In bytes.
  package static let maximumSize = 64 << 10
  private static let maximumCertificates = 16

  /// The certificates that came with it, DER, in their order. Anybody may have put them there.
  package let certificates: [[UInt8]]

  private let content: [UInt8]
  /// The OBJECT IDENTIFIER of the content's type, encoded.
  private let contentType: ArraySlice<UInt8>
  private let signer: Signer

  private struct Signer: Sendable {
    /// The issuer's name and the serial number, encoded; empty when the signer is named by its key.
    var issuer: ArraySlice<UInt8> = []
    var serial: ArraySlice<UInt8> = []
    var keyIdentifier: ArraySlice<UInt8>?
    var digest: DigestAlgorithm
    /// The contents of the set of signed attributes; nil when the content itself is signed.
    var attributes: ArraySlice<UInt8>?
    var signature: ArraySlice<UInt8>
  }

  /// - Parameter bytes: BER or DER.
  package init(parsing bytes: [UInt8]) throws(CMSError) {
    guard bytes.count <= Self.maximumSize else {
      throw CMSError("the message has more than \(Self.maximumSize) bytes")
    }
    let der = try BERNormalizer.der(of: bytes)
    var outer = DERReader(der[...])
    guard var info = outer.inside(DERTag.sequence), let type = info.next(DERTag.objectIdentifier)?.contents,
      type.elementsEqual(Self.signedDataType), var wrapper = info.inside(DERTag.constructedContext(0)),
      info.isAtEnd, var data = wrapper.inside(DERTag.sequence), wrapper.isAtEnd
    else { throw CMSError("the message is no signed data") }
    guard data.positiveInteger() != nil, data.next(DERTag.set) != nil,
      var encapsulated = data.inside(DERTag.sequence),
      let contentType = encapsulated.next(DERTag.objectIdentifier)?.encoded
    else { throw CMSError("the message is no signed data") }
    guard var inside = encapsulated.inside(DERTag.constructedContext(0)),
      let content = inside.next(DERTag.octetString)?.contents, inside.isAtEnd, encapsulated.isAtEnd
    else { throw CMSError("the message has no content") }
    var certificates: [[UInt8]] = []
    if var bag = data.inside(DERTag.constructedContext(0)) {
      while !bag.isAtEnd {
        guard let certificate = bag.next(), certificates.count < Self.maximumCertificates else {
          throw CMSError("the message's certificates cannot be read, or are more than \(Self.maximumCertificates)")
        }
        if certificate.tag == DERTag.sequence { certificates.append(Array(certificate.encoded)) }
      }
    }
    _ = data.next(DERTag.constructedContext(1))  // Revocation lists.
    guard var signers = data.inside(DERTag.set), data.isAtEnd, var first = signers.inside(DERTag.sequence),
      signers.isAtEnd
    else { throw CMSError("the message must have exactly one signer") }
    self.content = Array(content)
    self.contentType = contentType
    self.certificates = certificates
    signer = try Self.signer(&first)
  }

  private static func signer(_ reader: inout DERReader) throws(CMSError) -> Signer {
    let malformed = CMSError("the message's signer cannot be read")
    guard reader.positiveInteger() != nil else { throw malformed }
    var signer = Signer(digest: .sha256, attributes: nil, signature: [])
    if var name = reader.inside(DERTag.sequence) {
      guard let issuer = name.next(DERTag.sequence)?.encoded, let serial = name.next(DERTag.integer)?.encoded,
        name.isAtEnd
      else { throw malformed }
      (signer.issuer, signer.serial) = (issuer, serial)
    } else if let identifier = reader.next(DERTag.context(0))?.contents {
      signer.keyIdentifier = identifier
    } else {
      throw malformed
    }
    signer.digest = try digest(&reader)
    if let attributes = reader.next(DERTag.constructedContext(0)) { signer.attributes = attributes.contents }
    guard let algorithm = reader.next(DERTag.sequence),
      let signature = reader.next(DERTag.octetString)?.contents
    else { throw malformed }
    try check(algorithm.contents, signer.digest)
    _ = reader.next(DERTag.constructedContext(1))  // Attributes that are not signed.
    guard reader.isAtEnd else { throw malformed }
    signer.signature = signature
    return signer
  }

  // MARK: Verification

  /// The content, once its signature was made with the private half of `key`.
  package func verified(with key: PublicKey) throws(CMSError) -> VerifiedContent {
    let signed: [UInt8]
    if let attributes = signer.attributes {
      try check(attributes)
      // RFC 5652 §5.4: what is signed is the set, not the tagged field that carries it.
      var writer = DERWriter(capacity: attributes.count + 6)
      writer.primitive(DERTag.set, attributes)
      signed = writer.bytes
    } else {
      signed = content
    }
    guard key.isValidX509Signature(signer.signature, for: signed, digest: signer.digest) else {
      throw CMSError("the signature does not fit the content and the signer's key")
    }
    return VerifiedContent(bytes: content)
  }

  /// The certificate among those of the message that its signer names; not verified.
  package func signerCertificate() throws(CMSError) -> [UInt8] {
    for certificate in certificates {
      if let identifier = signer.keyIdentifier {
        guard let parsed = try? X509Certificates.parse(der: certificate),
          X509Certificates.subjectKeyIdentifier(of: parsed)?.elementsEqual(identifier) == true
        else { continue }
        return certificate
      }
      if let (issuer, serial) = Self.names(certificate), issuer.elementsEqual(signer.issuer),
        serial.elementsEqual(signer.serial)
      {
        return certificate
      }
    }
    throw CMSError("the message has no certificate of its signer")
  }

  /// The issuer and the serial number of a certificate, encoded.
  private static func names(_ certificate: [UInt8]) -> (issuer: ArraySlice<UInt8>, serial: ArraySlice<UInt8>)? {
    var outer = DERReader(certificate[...])
    guard var signed = outer.inside(DERTag.sequence), var fields = signed.inside(DERTag.sequence) else { return nil }
    _ = fields.next(DERTag.constructedContext(0))
    guard let serial = fields.next(DERTag.integer)?.encoded, fields.next(DERTag.sequence) != nil,
      let issuer = fields.next(DERTag.sequence)?.encoded
    else { return nil }
    return (issuer, serial)
  }

  /// The signed attributes must name the content's type and its digest, each once (RFC 5652 §5.3, §11).
  private func check(_ attributes: ArraySlice<UInt8>) throws(CMSError) {
    var reader = DERReader(attributes)
    var (types, digests) = ([ArraySlice<UInt8>](), [ArraySlice<UInt8>]())
    while !reader.isAtEnd {
      guard var attribute = reader.inside(DERTag.sequence),
        let type = attribute.next(DERTag.objectIdentifier)?.contents,
        var values = attribute.inside(DERTag.set), attribute.isAtEnd, let value = values.next()
      else { throw CMSError("the signed attributes cannot be read") }
      if type.elementsEqual(Self.contentTypeAttribute) || type.elementsEqual(Self.digestAttribute) {
        guard values.isAtEnd else { throw CMSError("a signed attribute has two values") }
        if type.elementsEqual(Self.contentTypeAttribute) {
          types.append(value.encoded)
        } else {
          guard value.tag == DERTag.octetString else { throw CMSError("the signed digest is no octet string") }
          digests.append(value.contents)
        }
      }
    }
    guard types.count == 1, types[0].elementsEqual(contentType) else {
      throw CMSError("the signed attributes do not name the content's type")
    }
    guard digests.count == 1, digests[0].elementsEqual(Self.hash(content, signer.digest)) else {
      throw CMSError("the signed digest is not the content's")
    }
  }

  private static func hash(_ bytes: [UInt8], _ digest: DigestAlgorithm) -> [UInt8] {
    switch digest {
    case .sha256: Array(SHA256.hash(data: bytes))
    case .sha384: Array(SHA384.hash(data: bytes))
    case .sha512: Array(SHA512.hash(data: bytes))
    }
  }

  // MARK: Algorithms

  /// 1.2.840.113549.1.1
  private static let rsa: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01]

  private static func digest(_ reader: inout DERReader) throws(CMSError) -> DigestAlgorithm {
    guard var algorithm = reader.inside(DERTag.sequence),
      let identifier = algorithm.next(DERTag.objectIdentifier)?.contents
    else { throw CMSError("the message's signer cannot be read") }
    // 2.16.840.1.101.3.4.2.x
    let family: [UInt8] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02]
    if identifier.starts(with: family), identifier.count == family.count + 1 {
      switch identifier.last {
      case 1: return .sha256
      case 2: return .sha384
      case 3: return .sha512
      default: break
      }
    }
    // 1.2.840.113549.1.1.x: Azure's metadata service names the digest by the signature that is made with it.
    switch Array(identifier) {
    case rsa + [11]: return .sha256
    case rsa + [12]: return .sha384
    case rsa + [13]: return .sha512
    default: throw CMSError("the signer's digest is not SHA-256, SHA-384 or SHA-512")
    }
  }

  /// The signature algorithm must be of RSA (PKCS #1 v1.5) or ECDSA and, where it names a digest, name the signer's.
  private static func check(_ algorithm: ArraySlice<UInt8>, _ digest: DigestAlgorithm) throws(CMSError) {
    var reader = DERReader(algorithm)
    let identifier = Array(reader.next(DERTag.objectIdentifier)?.contents ?? [])
    // 1.2.840.113549.1.1.x and 1.2.840.10045.4.3.x
    let ecdsa: [UInt8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03]
    let number: UInt8 =
      switch digest {
      case .sha256: 0
      case .sha384: 1
      case .sha512: 2
      }
    guard [rsa + [1], rsa + [11 + number], ecdsa + [2 + number]].contains(identifier) else {
      throw CMSError("the signature's algorithm is not RSA or ECDSA with the signer's digest")
    }
  }

  /// 1.2.840.113549.1.7.2
  private static let signedDataType: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02]
  /// 1.2.840.113549.1.9.3
  private static let contentTypeAttribute: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x03]
  /// 1.2.840.113549.1.9.4
  private static let digestAttribute: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x04]
}

/// What a signer signed, byte for byte. Only ``SignedMessage/verified(with:)`` makes one.
package struct VerifiedContent: Sendable {
  package let bytes: [UInt8]

  fileprivate init(bytes: [UInt8]) { self.bytes = bytes }
}
