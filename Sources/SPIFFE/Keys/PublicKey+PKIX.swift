import Crypto
import CryptoExtras
import FoundationEssentials

extension PublicKey {
  /// Parses a DER SubjectPublicKeyInfo. EC points must be uncompressed, RSA parameters NULL, nothing may follow.
  ///
  /// - Throws: ``SPIFFEError`` with code `malformedKey` or `unsupportedKey`.
  public init(pkix: [UInt8]) throws(SPIFFEError) {
    var outer = DERReader(pkix[...])
    guard pkix.count <= 4096, let info = outer.next(DERTag.sequence), outer.isAtEnd else { throw Self.malformed }
    var fields = DERReader(info.contents)
    guard let identifier = fields.next(DERTag.sequence), let bits = fields.wholeBitString(), fields.isAtEnd
    else { throw Self.malformed }
    var algorithm = DERReader(identifier.contents)
    guard let oid = algorithm.next(DERTag.objectIdentifier), let parameters = algorithm.next(),
      algorithm.isAtEnd
    else { throw Self.malformed }

    if oid.contents.elementsEqual(OID.rsaEncryption) {
      guard parameters.tag == DERTag.null, parameters.contents.isEmpty else {
        throw SPIFFEError(.malformedKey, "RSA key missing NULL parameters")
      }
      var pkcs1 = DERReader(bits)
      guard let sequence = pkcs1.next(DERTag.sequence), pkcs1.isAtEnd else { throw Self.malformed }
      var numbers = DERReader(sequence.contents)
      guard let modulus = numbers.positiveInteger(), let exponent = numbers.positiveInteger(), numbers.isAtEnd
      else { throw Self.malformed }
      try self.init(pkix: pkix, modulus: modulus, exponent: exponent)
    } else if oid.contents.elementsEqual(OID.ecPublicKey) {
      guard parameters.tag == DERTag.objectIdentifier, let curve = Curve(oid: parameters.contents) else {
        throw SPIFFEError(.unsupportedKey, "unsupported elliptic curve: use P-256, P-384 or P-521")
      }
      try self.init(pkix: pkix, curve: curve, point: bits)
    } else {
      throw SPIFFEError(.unsupportedKey, "unsupported public key algorithm: use EC or RSA")
    }
  }

  /// A key from an uncompressed point.
  init(curve: Curve, x: [UInt8], y: [UInt8]) throws(SPIFFEError) {
    let point = [0x04] + x + y
    let pkix = Self.pkix(key: point) {
      $0.primitive(DERTag.objectIdentifier, OID.ecPublicKey)
      $0.primitive(DERTag.objectIdentifier, curve.oid)
    }
    try self.init(pkix: pkix, curve: curve, point: point[...])
  }

  /// A key from RSA numbers, big endian.
  init(modulus: [UInt8], exponent: [UInt8]) throws(SPIFFEError) {
    let modulus = modulus.drop { $0 == 0 }
    let exponent = exponent.drop { $0 == 0 }
    try Self.check(modulus: modulus, exponent: exponent)
    var pkcs1 = DERWriter()
    pkcs1.sequence {
      $0.integer(magnitude: modulus)
      $0.integer(magnitude: exponent)
    }
    let pkix = Self.pkix(key: pkcs1.bytes) {
      $0.primitive(DERTag.objectIdentifier, OID.rsaEncryption)
      $0.primitive(DERTag.null, [])
    }
    try self.init(pkix: pkix, modulus: modulus, exponent: exponent)
  }

  /// SubjectPublicKeyInfo (RFC 5280 §4.1) of a key in its algorithm's own form.
  private static func pkix(key: [UInt8], algorithm: (inout DERWriter) -> Void) -> [UInt8] {
    var writer = DERWriter()
    writer.sequence {
      $0.sequence(algorithm)
      $0.bitString(key)
    }
    return writer.bytes
  }

  private init(pkix: [UInt8], curve: Curve, point: ArraySlice<UInt8>) throws(SPIFFEError) {
    guard point.first == 0x04, point.count == 1 + 2 * curve.coordinateSize else {
      throw SPIFFEError(.malformedKey, "EC point is not an uncompressed point of \(curve.rawValue)")
    }
    do {
      switch curve {
      case .p256:
        self.init(pkix: pkix, keyType: .ecP256, backing: .p256(try .init(x963Representation: Array(point))))
      case .p384:
        self.init(pkix: pkix, keyType: .ecP384, backing: .p384(try .init(x963Representation: Array(point))))
      case .p521:
        self.init(pkix: pkix, keyType: .ecP521, backing: .p521(try .init(x963Representation: Array(point))))
      }
    } catch {
      throw SPIFFEError(.malformedKey, "EC point is not on curve \(curve.rawValue)", cause: error)
    }
  }

  private init(
    pkix: [UInt8], modulus: ArraySlice<UInt8>, exponent: ArraySlice<UInt8>
  ) throws(SPIFFEError) {
    let bits = try Self.check(modulus: modulus, exponent: exponent)
    do {
      let key = try _RSA.Signing.PublicKey(n: Data(modulus), e: Data(exponent))
      self.init(pkix: pkix, keyType: .rsa(bits: bits), backing: .rsa(key))
    } catch {
      throw SPIFFEError(.malformedKey, "RSA key is not usable", cause: error)
    }
  }

  /// The size of the modulus in bits, once both numbers are in range. Bounds the cost of a verification.
  @discardableResult
  private static func check(modulus: ArraySlice<UInt8>, exponent: ArraySlice<UInt8>) throws(SPIFFEError) -> Int {
    let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
    guard (2048...8192).contains(bits) else {
      throw SPIFFEError(.unsupportedKey, "RSA key of \(bits) bits: use 2048 to 8192")
    }
    guard let low = modulus.last, low & 1 == 1 else { throw SPIFFEError(.malformedKey, "RSA modulus is even") }
    let value = exponent.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard exponent.count <= 4, value > 1, value & 1 == 1, value < 1 << 31 else {
      throw SPIFFEError(.malformedKey, "RSA exponent must be odd, above 1 and below 2^31")
    }
    return bits
  }

  private static let malformed = SPIFFEError(.malformedKey, "public key is not a DER SubjectPublicKeyInfo")

  /// The curves that JWS knows, by their JOSE names.
  enum Curve: String {
    case p256 = "P-256"
    case p384 = "P-384"
    case p521 = "P-521"

    init?(oid: ArraySlice<UInt8>) {
      switch Array(oid) {
      case OID.p256: self = .p256
      case OID.p384: self = .p384
      case OID.p521: self = .p521
      default: return nil
      }
    }

    var oid: [UInt8] {
      switch self {
      case .p256: OID.p256
      case .p384: OID.p384
      case .p521: OID.p521
      }
    }

    /// Bytes of one coordinate.
    var coordinateSize: Int {
      switch self {
      case .p256: 32
      case .p384: 48
      case .p521: 66
      }
    }
  }

  /// Contents of the object identifiers of key types (RFC 5480, RFC 8017).
  private enum OID {
    static let rsaEncryption: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01]
    static let ecPublicKey: [UInt8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]
    static let p256: [UInt8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]
    static let p384: [UInt8] = [0x2B, 0x81, 0x04, 0x00, 0x22]
    static let p521: [UInt8] = [0x2B, 0x81, 0x04, 0x00, 0x23]
  }
}
