package import SPIFFE

/// What follows from a public area.
extension TPMPublic {
  /// The hash algorithm of the name; a protecting key uses it for what it protects, too.
  package func nameHash() throws(NodeProofError) -> TPMHash { try TPMHash(nameAlgorithm, of: "the name") }

  /// The name of the object (Part 1 §16): the number of the hash algorithm, then the hash of the public area.
  package func name() throws(NodeProofError) -> [UInt8] {
    withUnsafeBytes(of: nameAlgorithm.bigEndian, Array.init) + (try nameHash()).hash(encoded)
  }

  package var isRSA: Bool { if case .rsa = numbers { true } else { false } }

  /// The key, once its numbers are in range: RSA of 2048 bits or more, a point on its curve.
  package func key() throws(NodeProofError) -> PublicKey {
    do { return try PublicKey(pkix: pkix) } catch { throw NodeProofError("tpm: \(error)") }
  }

  private var pkix: [UInt8] {
    var writer = DERWriter()
    writer.sequence { info in
      switch numbers {
      case .rsa(let modulus, let exponent):
        info.sequence {
          $0.primitive(DERTag.objectIdentifier, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01])
          $0.primitive(DERTag.null, [])
        }
        var key = DERWriter()
        key.sequence {
          $0.integer(magnitude: modulus)
          $0.integer(UInt128(exponent == 0 ? 65537 : exponent))
        }
        info.bitString(key.bytes)
      case .ecc(let curve, let x, let y):
        info.sequence {
          $0.primitive(DERTag.objectIdentifier, [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01])
          $0.primitive(DERTag.objectIdentifier, curve.identifier)
        }
        // Some TPMs leave out zeros at the front.
        func padded(_ number: [UInt8]) -> [UInt8] {
          [UInt8](repeating: 0, count: curve.size - number.count) + number
        }
        info.bitString([0x04] + padded(x) + padded(y))
      }
    }
    return writer.bytes
  }
}

extension TPMPublic.Curve {
  /// The contents of the object identifier (RFC 5480 §2.1.1.1).
  fileprivate var identifier: [UInt8] {
    switch self {
    case .p256: [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]
    case .p384: [0x2B, 0x81, 0x04, 0x00, 0x22]
    case .p521: [0x2B, 0x81, 0x04, 0x00, 0x23]
    }
  }
}
