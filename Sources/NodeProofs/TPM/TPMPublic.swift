/// The public area of a key (TPMT_PUBLIC, Part 2 §12.2.4) as a TPM gives it out, with the bytes that it was read from.
/// RSA keys up to 4096 bits and EC keys on P-256, P-384 and P-521. Nothing in it is verified: a name that a TPM attested,
/// or a credential that it opened, makes it count.
package struct TPMPublic: Hashable, Sendable {
  package static let maximumRSAKeySize = 4096

  /// What a key is good for, by its hash; nil for a key that leaves it to each command.
  package struct Scheme: Hashable, Sendable {
    package let algorithm: UInt16
    /// The number of the hash algorithm; 0 where the scheme has none.
    package let hash: UInt16
  }

  /// How a key that protects others encrypts them.
  package struct Symmetric: Hashable, Sendable {
    package let algorithm: UInt16
    package let keyBits: UInt16
    package let mode: UInt16
  }

  package enum Curve: UInt16, Hashable, Sendable {
    case p256 = 0x0003
    case p384 = 0x0004
    case p521 = 0x0005

    /// Bytes of one coordinate.
    var size: Int {
      switch self {
      case .p256: 32
      case .p384: 48
      case .p521: 66
      }
    }
  }

  package enum Numbers: Hashable, Sendable {
    /// An exponent of 0 stands for 65537.
    case rsa(modulus: [UInt8], exponent: UInt32)
    case ecc(Curve, x: [UInt8], y: [UInt8])
  }

  package let encoded: [UInt8]
  /// The number of the hash algorithm of the name.
  package let nameAlgorithm: UInt16
  package let attributes: TPMAttributes
  package let authPolicy: [UInt8]
  package let symmetric: Symmetric?
  package let scheme: Scheme?
  package let numbers: Numbers

  /// Reads a structure without a length before it; nothing may follow.
  package init(_ bytes: [UInt8]) throws(NodeProofError) {
    var reader = TPMReader(bytes)
    encoded = bytes
    let type = try reader.number16()
    nameAlgorithm = try reader.number16()
    attributes = TPMAttributes(rawValue: try reader.number32())
    authPolicy = try reader.sized("the policy", atMost: 64)
    switch type {
    case TPMAlgorithm.rsa:
      symmetric = try Self.symmetric(&reader)
      scheme = try Self.rsaScheme(&reader)
      numbers = try Self.rsa(&reader)
    case TPMAlgorithm.ecc:
      symmetric = try Self.symmetric(&reader)
      scheme = try Self.eccScheme(&reader)
      numbers = try Self.ecc(&reader)
    default: throw NodeProofError("tpm: unsupported key type \(TPMAlgorithm.text(type)): use RSA or ECC")
    }
    try reader.finish()
  }

  /// TPMT_SYM_DEF_OBJECT (Part 2 §11.1.7).
  private static func symmetric(_ reader: inout TPMReader) throws(NodeProofError) -> Symmetric? {
    let algorithm = try reader.number16()
    switch algorithm {
    case TPMAlgorithm.null: return nil
    case TPMAlgorithm.aes, TPMAlgorithm.sm4, TPMAlgorithm.camellia, TPMAlgorithm.tripleDES:
      return Symmetric(algorithm: algorithm, keyBits: try reader.number16(), mode: try reader.number16())
    default: throw unknown("symmetric", algorithm)
    }
  }

  /// TPMT_RSA_SCHEME (Part 2 §11.2.4.2).
  private static func rsaScheme(_ reader: inout TPMReader) throws(NodeProofError) -> Scheme? {
    let algorithm = try reader.number16()
    switch algorithm {
    case TPMAlgorithm.null: return nil
    case TPMAlgorithm.rsaes: return Scheme(algorithm: algorithm, hash: 0)
    case TPMAlgorithm.rsassa, TPMAlgorithm.rsapss, TPMAlgorithm.oaep:
      return Scheme(algorithm: algorithm, hash: try reader.number16())
    default: throw unknown("RSA", algorithm)
    }
  }

  /// TPMT_ECC_SCHEME (Part 2 §11.2.5.6).
  private static func eccScheme(_ reader: inout TPMReader) throws(NodeProofError) -> Scheme? {
    let algorithm = try reader.number16()
    switch algorithm {
    case TPMAlgorithm.null: return nil
    case TPMAlgorithm.ecdaa:
      let scheme = Scheme(algorithm: algorithm, hash: try reader.number16())
      _ = try reader.number16()
      return scheme
    case TPMAlgorithm.ecdsa, TPMAlgorithm.ecdh, TPMAlgorithm.sm2, TPMAlgorithm.ecSchnorr, TPMAlgorithm.ecmqv:
      return Scheme(algorithm: algorithm, hash: try reader.number16())
    default: throw unknown("ECC", algorithm)
    }
  }

  private static func rsa(_ reader: inout TPMReader) throws(NodeProofError) -> Numbers {
    let bits = Int(try reader.number16())
    let exponent = try reader.number32()
    guard (1024...maximumRSAKeySize).contains(bits), bits % 8 == 0 else {
      throw NodeProofError("tpm: RSA key of \(bits) bits: \(maximumRSAKeySize) at most")
    }
    let modulus = try reader.sized("the modulus", atMost: maximumRSAKeySize / 8)
    guard modulus.count == bits / 8, let first = modulus.first, first >= 0x80 else {
      throw NodeProofError("tpm: the modulus does not have \(bits) bits")
    }
    return .rsa(modulus: modulus, exponent: exponent)
  }

  private static func ecc(_ reader: inout TPMReader) throws(NodeProofError) -> Numbers {
    let number = try reader.number16()
    guard let curve = Curve(rawValue: number) else {
      throw NodeProofError("tpm: unsupported curve \(TPMAlgorithm.text(number)): use P-256, P-384 or P-521")
    }
    let derivation = try reader.number16()
    switch derivation {
    case TPMAlgorithm.null: break
    case TPMAlgorithm.mgf1, TPMAlgorithm.kdf1SP800_56A, TPMAlgorithm.kdf2, TPMAlgorithm.kdf1SP800_108:
      _ = try reader.number16()
    default: throw unknown("key derivation", derivation)
    }
    let x = try reader.sized("a coordinate", atMost: curve.size)
    let y = try reader.sized("a coordinate", atMost: curve.size)
    return .ecc(curve, x: x, y: y)
  }

  private static func unknown(_ what: String, _ algorithm: UInt16) -> NodeProofError {
    NodeProofError("tpm: unsupported \(what) scheme \(TPMAlgorithm.text(algorithm))")
  }
}
