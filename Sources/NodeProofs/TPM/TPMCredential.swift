import Crypto
import CryptoExtras
import FoundationEssentials
import SPIFFE

/// A secret that only one TPM can read, and only while a key of one name is loaded in it (Part 1 §24; what
/// TPM2_MakeCredential makes and TPM2_ActivateCredential opens). Made here without a TPM, for an RSA endorsement key.
package struct TPMCredential: Equatable, Sendable {
  /// TPMS_ID_OBJECT: an HMAC behind its length, then the encrypted secret.
  package let object: [UInt8]
  /// The seed of the keys, encrypted for the endorsement key.
  package let secret: [UInt8]

  package init(object: [UInt8], secret: [UInt8]) {
    self.object = object
    self.secret = secret
  }

  /// - Parameters:
  ///   - content: what is to be read: no longer than a digest of the endorsement key's name algorithm.
  ///   - name: of the key that has to be loaded.
  ///   - endorsementKey: of the TPM. Its attributes count for nothing here; a certificate says what it is.
  ///   - random: fresh bytes, so many.
  package init(
    of content: [UInt8], for name: [UInt8], endorsementKey: TPMPublic, random: (Int) -> [UInt8]
  ) throws(NodeProofError) {
    guard case .rsa(let modulus, let exponent) = endorsementKey.numbers else {
      throw NodeProofError("unsupported algorithm")
    }
    let hash = try endorsementKey.nameHash()
    guard let symmetric = endorsementKey.symmetric, symmetric.algorithm == TPMAlgorithm.aes,
      symmetric.mode == TPMAlgorithm.cfb, [128, 192, 256].contains(symmetric.keyBits)
    else { throw NodeProofError("tpm: the endorsement key does not protect with AES in CFB mode") }
    guard content.count <= hash.size else {
      throw NodeProofError("tpm: a credential of \(content.count) bytes, \(hash.size) at most")
    }
    let seed = random(hash.size)
    let key = Self.derive(hash, seed, "STORAGE", name, bits: Int(symmetric.keyBits))
    let encrypted = try Self.encrypt(Self.sized(content), key: key)
    let integrity = hash.authenticate(
      encrypted + name, key: Self.derive(hash, seed, "INTEGRITY", [], bits: 8 * hash.size))
    object = Self.sized(integrity) + encrypted
    guard let block = Self.pad(seed, hash, size: modulus.count, random: random),
      let power = ModularPower(modulus: modulus),
      let secret = power.power(block, UInt64(exponent == 0 ? 65537 : exponent), size: modulus.count)
    else { throw NodeProofError("tpm: the endorsement key cannot encrypt") }
    self.secret = secret
  }

  private static func sized(_ bytes: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: UInt16(bytes.count).bigEndian, Array.init) + bytes
  }

  /// KDFa (Part 1 §11.4.10.2) with one context; `bits` are whole bytes.
  private static func derive(
    _ hash: TPMHash, _ key: [UInt8], _ label: String, _ context: [UInt8], bits: Int
  ) -> [UInt8] {
    var derived: [UInt8] = []
    var counter: UInt32 = 1
    while derived.count < bits / 8 {
      derived += hash.authenticate(
        withUnsafeBytes(of: counter.bigEndian, Array.init) + label.utf8 + [0] + context
          + withUnsafeBytes(of: UInt32(bits).bigEndian, Array.init), key: key)
      counter += 1
    }
    return Array(derived.prefix(bits / 8))
  }

  /// AES in CFB mode from a vector of zeros.
  private static func encrypt(_ bytes: [UInt8], key: [UInt8]) throws(NodeProofError) -> [UInt8] {
    do {
      let start = try AES._CFB.IV(ivBytes: [UInt8](repeating: 0, count: 16))
      return Array(try AES._CFB.encrypt(bytes, using: SymmetricKey(data: key), iv: start))
    } catch {
      throw NodeProofError("tpm: the credential cannot be encrypted: \(error)")
    }
  }

  /// EME-OAEP (RFC 8017 §7.1.1) with the label of credentials.
  private static func pad(
    _ message: [UInt8], _ hash: TPMHash, size: Int, random: (Int) -> [UInt8]
  ) -> [UInt8]? {
    let zeros = size - message.count - 2 * hash.size - 2
    guard zeros >= 0 else { return nil }
    let data = hash.hash(Array("IDENTITY\0".utf8)) + [UInt8](repeating: 0, count: zeros) + [1] + message
    let seed = random(hash.size)
    let maskedData = zip(data, hash.mask(seed, count: data.count)).map { $0 ^ $1 }
    let maskedSeed = zip(seed, hash.mask(maskedData, count: seed.count)).map { $0 ^ $1 }
    return [0] + maskedSeed + maskedData
  }
}
