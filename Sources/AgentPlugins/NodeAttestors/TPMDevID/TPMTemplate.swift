/// The public areas of the keys that are made for an attestation, as a TPM reads them (TPMT_PUBLIC). They are those of
/// upstream: DevIDs are provisioned under the same storage root key, and the endorsement certificate is for the key that
/// its template gives.
enum TPMTemplate {
  private enum Algorithm {
    static let rsa: UInt16 = 0x0001
    static let aes: UInt16 = 0x0006
    static let sha256: UInt16 = 0x000B
    static let null: UInt16 = 0x0010
    static let rsaSSA: UInt16 = 0x0014
    static let ecc: UInt16 = 0x0023
    static let cfb: UInt16 = 0x0043
    static let curveP256: UInt16 = 0x0003
  }

  /// TPMA_OBJECT.
  private enum Attribute {
    static let fixedTPM: UInt32 = 1 << 1
    static let fixedParent: UInt32 = 1 << 4
    static let sensitiveDataOrigin: UInt32 = 1 << 5
    static let userWithAuth: UInt32 = 1 << 6
    static let adminWithPolicy: UInt32 = 1 << 7
    static let noDA: UInt32 = 1 << 10
    static let restricted: UInt32 = 1 << 16
    static let decrypt: UInt32 = 1 << 17
    static let sign: UInt32 = 1 << 18
    /// A key that was made in its TPM and stays there.
    static let resident = fixedTPM | fixedParent | sensitiveDataOrigin
  }

  /// The storage root key H-1 of the EK Credential Profile: RSA, nothing in `unique`.
  static let storageRSA = key(
    .rsa, Attribute.resident | Attribute.userWithAuth | Attribute.noDA | Attribute.restricted | Attribute.decrypt,
    rsa: (symmetric: true, signs: false), unique: [sized([])])

  /// H-2: ECC.
  static let storageECC = key(
    .ecc, Attribute.resident | Attribute.userWithAuth | Attribute.noDA | Attribute.restricted | Attribute.decrypt,
    rsa: nil, unique: [sized([]), sized([])])

  /// The attestation key: signs what the TPM itself says, and nothing else.
  static let attestation = key(
    .rsa, Attribute.resident | Attribute.userWithAuth | Attribute.restricted | Attribute.sign,
    rsa: (symmetric: false, signs: true), unique: [sized([])])

  /// The endorsement key L-1: RSA, `unique` of zeros, used with PolicySecret(TPM_RH_ENDORSEMENT).
  static let endorsement = key(
    .rsa, Attribute.resident | Attribute.adminWithPolicy | Attribute.restricted | Attribute.decrypt,
    policy: [
      0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xB3, 0xF8, 0x1A, 0x90, 0xCC, 0x8D, 0x46, 0xA5, 0xD7, 0x24, 0xFD, 0x52, 0xD7,
      0x6E, 0x06, 0x52, 0x0B, 0x64, 0xF2, 0xA1, 0xDA, 0x1B, 0x33, 0x14, 0x69, 0xAA,
    ], rsa: (symmetric: true, signs: false), unique: [sized([UInt8](repeating: 0, count: 256))])

  private enum Kind { case rsa, ecc }

  /// - Parameter rsa: of an RSA key, whether it wraps others with AES, and whether it signs.
  private static func key(
    _ kind: Kind, _ attributes: UInt32, policy: [UInt8] = [], rsa: (symmetric: Bool, signs: Bool)?, unique: [[UInt8]]
  ) -> [UInt8] {
    var bytes = number(kind == .rsa ? Algorithm.rsa : Algorithm.ecc) + number(Algorithm.sha256)
    bytes += number(UInt16(attributes >> 16)) + number(UInt16(truncatingIfNeeded: attributes)) + sized(policy)
    let aes = number(Algorithm.aes) + number(128) + number(Algorithm.cfb)
    if let rsa {
      bytes += rsa.symmetric ? aes : number(Algorithm.null)
      bytes += rsa.signs ? number(Algorithm.rsaSSA) + number(Algorithm.sha256) : number(Algorithm.null)
      // 2048 bits; 0 stands for the exponent 65537.
      bytes += number(2048) + [0, 0, 0, 0]
    } else {
      bytes += aes + number(Algorithm.null) + number(Algorithm.curveP256) + number(Algorithm.null)
    }
    return unique.reduce(bytes, +)
  }

  private static func number(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)] }

  private static func sized(_ bytes: [UInt8]) -> [UInt8] { number(UInt16(bytes.count)) + bytes }
}
