public import Crypto
public import CryptoExtras

/// A public key that SPIFFE documents can hold: EC on P-256, P-384 or P-521, or RSA of 2048 to 8192 bits.
///
/// A value is always a usable key: the point lies on its curve, the numbers are in range. Two keys are equal when their
/// PKIX encodings are the same bytes.
public struct PublicKey: Hashable, Sendable, CustomStringConvertible {
  /// The type of a key.
  public enum KeyType: Hashable, Sendable {
    case ecP256
    case ecP384
    case ecP521
    /// RSA with a modulus of so many bits.
    case rsa(bits: Int)
  }

  enum Backing: Sendable {
    case p256(P256.Signing.PublicKey)
    case p384(P384.Signing.PublicKey)
    case p521(P521.Signing.PublicKey)
    case rsa(_RSA.Signing.PublicKey)
  }

  /// The DER encoding of the SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
  public let pkix: [UInt8]
  public let keyType: KeyType
  let backing: Backing

  init(pkix: [UInt8], keyType: KeyType, backing: Backing) {
    self.pkix = pkix
    self.keyType = keyType
    self.backing = backing
  }

  public init(_ key: P256.Signing.PublicKey) {
    self.init(pkix: Array(key.derRepresentation), keyType: .ecP256, backing: .p256(key))
  }

  public init(_ key: P384.Signing.PublicKey) {
    self.init(pkix: Array(key.derRepresentation), keyType: .ecP384, backing: .p384(key))
  }

  public init(_ key: P521.Signing.PublicKey) {
    self.init(pkix: Array(key.derRepresentation), keyType: .ecP521, backing: .p521(key))
  }

  /// - Throws: ``SPIFFEError`` with code `unsupportedKey` for a key outside 2048 to 8192 bits.
  public init(_ key: _RSA.Signing.PublicKey) throws(SPIFFEError) {
    try self.init(pkix: Array(key.derRepresentation))
  }

  /// What an X.509 SubjectKeyIdentifier holds for this key: SHA-1 of the contents of the BIT STRING, 20 bytes
  /// (RFC 5280 §4.2.1.2 method 1).
  public var subjectKeyIdentifier: [UInt8] { Array(Insecure.SHA1.hash(data: subjectPublicKey)) }

  /// The contents of the BIT STRING: the uncompressed point, or the PKCS#1 RSAPublicKey.
  public var subjectPublicKey: [UInt8] {
    var outer = DERReader(pkix[...])
    guard let info = outer.next() else { return [] }
    var fields = DERReader(info.contents)
    _ = fields.next()
    return fields.wholeBitString().map(Array.init) ?? []
  }

  public var description: String {
    switch keyType {
    case .ecP256: "EC P-256"
    case .ecP384: "EC P-384"
    case .ecP521: "EC P-521"
    case .rsa(let bits): "RSA \(bits)"
    }
  }

  public static func == (a: Self, b: Self) -> Bool { a.pkix == b.pkix }

  public func hash(into hasher: inout Hasher) { hasher.combine(pkix) }
}
