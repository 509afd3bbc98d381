import Crypto
import CryptoExtras
import FoundationEssentials

/// Checks RSASSA-PSS signatures over SHA-256 with a salt of any length (RFC 8017 §8.1.2), as Go's signers make them: the
/// salt of upstream's agents is as long as there is room, and the crypto library checks only those as long as the digest.
enum PSSSignature {
  private static let digestSize = 32

  /// Whether `signature` over `digest`, which is a SHA-256, was made with the private half of `key`.
  static func isValid(_ signature: [UInt8], for digest: [UInt8], key: _RSA.Signing.PublicKey) -> Bool {
    guard digest.count == digestSize, let numbers = try? key.getKeyPrimitives() else { return false }
    let modulus = Array(numbers.modulus.drop { $0 == 0 })
    guard let first = modulus.first, signature.count == modulus.count, numbers.publicExponent.count <= 8 else {
      return false
    }
    let exponent = numbers.publicExponent.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let bits = modulus.count * 8 - first.leadingZeroBitCount
    guard let power = ModularPower(modulus: modulus),
      var message = power.power(signature, exponent, size: modulus.count)
    else { return false }
    // One byte less where the modulus begins with the bit of a byte of its own.
    if bits % 8 == 1 {
      guard message.first == 0 else { return false }
      message.removeFirst()
    }
    return isEncoding(message, of: digest, bits: bits - 1)
  }

  /// EMSA-PSS-VERIFY (RFC 8017 §9.1.2) without a set length of the salt.
  private static func isEncoding(_ message: [UInt8], of digest: [UInt8], bits: Int) -> Bool {
    let size = message.count
    guard size >= digestSize + 2, message.last == 0xBC else { return false }
    let split = size - digestSize - 1
    let masked = message[..<split]
    let hash = message[split..<(size - 1)]
    let unused = 8 * size - bits
    guard unused < 8, let first = masked.first, unused == 0 || first >> UInt8(8 - unused) == 0 else { return false }
    var block = zip(masked, MaskGeneration.mask(Array(hash), count: split, with: SHA256.self)).map { $0 ^ $1 }
    block[0] &= 0xFF >> UInt8(unused)
    guard let start = block.firstIndex(where: { $0 != 0 }), block[start] == 1 else { return false }
    let salt = block[(start + 1)...]
    var hasher = SHA256()
    hasher.update(data: [UInt8](repeating: 0, count: 8) + digest + salt)
    return hasher.finalize().elementsEqual(hash)
  }
}
