package import Keys
package import SPIFFE

/// Writes the PKCS#10 requests (RFC 2986) that the agent sends: its own and those of the workloads. Only the key in
/// them counts.
package enum CertificateRequest {
  /// The request for `key`, signed by it, subject `C=US, O=SPIRE`, with `id` as URI when there is one.
  package static func make(key: any ManagedKey, id: SPIFFEID?) async throws -> [UInt8] {
    let info = information(publicKey: key.publicKey.pkix, id: id)
    let (algorithm, identifier) = scheme(key.type)
    let signature = try await key.sign(info, algorithm: algorithm)
    return sequence([info, identifier, element(0x03, [0] + signature)])
  }

  /// The same on the calling thread.
  package static func makeNow(key: SoftwareKey, id: SPIFFEID?) throws -> [UInt8] {
    let info = information(publicKey: key.publicKey.pkix, id: id)
    let (algorithm, identifier) = scheme(key.type)
    let signature = try key.signNow(info, algorithm: algorithm)
    return sequence([info, identifier, element(0x03, [0] + signature)])
  }

  /// CertificationRequestInfo: what is signed.
  static func information(publicKey: [UInt8], id: SPIFFEID?) -> [UInt8] {
    let subject = sequence([name(countryName, "US"), name(organizationName, "SPIRE")])
    return sequence([integerZero, subject, publicKey, element(0xA0, id.map(extensionRequest) ?? [])])
  }

  private static let integerZero: [UInt8] = [0x02, 0x01, 0x00]
  private static let countryName: [UInt8] = [0x06, 0x03, 0x55, 0x04, 0x06]
  private static let organizationName: [UInt8] = [0x06, 0x03, 0x55, 0x04, 0x0A]
  private static let subjectAltName: [UInt8] = [0x06, 0x03, 0x55, 0x1D, 0x11]
  /// 1.2.840.113549.1.9.14
  private static let extensionRequestID: [UInt8] = [
    0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x0E,
  ]

  private static func scheme(_ type: KeyType) -> (SignatureAlgorithm, [UInt8]) {
    switch type {
    case .ecP256:  // ecdsa-with-SHA256, 1.2.840.10045.4.3.2
      (.ecdsaSHA256, sequence([[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02]]))
    case .ecP384:  // ecdsa-with-SHA384, 1.2.840.10045.4.3.3
      (.ecdsaSHA384, sequence([[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03]]))
    case .rsa2048, .rsa4096:  // sha256WithRSAEncryption, 1.2.840.113549.1.1.11
      (
        .rsaPKCS1SHA256,
        sequence([[0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B], [0x05, 0x00]])
      )
    }
  }

  private static func name(_ attribute: [UInt8], _ value: String) -> [UInt8] {
    element(0x31, sequence([attribute, element(0x13, Array(value.utf8))]))
  }

  private static func extensionRequest(_ id: SPIFFEID) -> [UInt8] {
    let names = sequence([element(0x86, Array(id.description.utf8))])
    let extensions = sequence([sequence([subjectAltName, element(0x04, names)])])
    return sequence([extensionRequestID, element(0x31, extensions)])
  }

  private static func sequence(_ parts: [[UInt8]]) -> [UInt8] { element(0x30, parts.flatMap { $0 }) }

  private static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    var length: [UInt8] = []
    if content.count < 128 {
      length = [UInt8(content.count)]
    } else {
      var rest = content.count
      while rest > 0 {
        length.insert(UInt8(rest & 0xFF), at: 0)
        rest >>= 8
      }
      length.insert(0x80 | UInt8(length.count), at: 0)
    }
    return [tag] + length + content
  }
}
