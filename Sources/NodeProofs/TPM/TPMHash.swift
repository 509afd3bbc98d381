import Crypto
import FoundationEssentials
package import SPIFFE

/// The hash algorithms of a TPM that names, signatures and credentials may use here, by their numbers (TPM_ALG_ID). SHA-1
/// is not one of them.
package enum TPMHash: UInt16, Sendable, CaseIterable {
  case sha256 = 0x000B
  case sha384 = 0x000C
  case sha512 = 0x000D

  /// - Parameter what: whose algorithm it is, for the message.
  init(_ number: UInt16, of what: String) throws(NodeProofError) {
    guard let hash = TPMHash(rawValue: number) else {
      throw NodeProofError(
        "tpm: \(what) uses hash algorithm \(TPMAlgorithm.text(number)): use SHA-256, SHA-384 or SHA-512")
    }
    self = hash
  }

  /// Of a digest, in bytes.
  package var size: Int {
    switch self {
    case .sha256: 32
    case .sha384: 48
    case .sha512: 64
    }
  }

  package var digest: DigestAlgorithm {
    switch self {
    case .sha256: .sha256
    case .sha384: .sha384
    case .sha512: .sha512
    }
  }

  func hash(_ bytes: [UInt8]) -> [UInt8] {
    switch self {
    case .sha256: Array(SHA256.hash(data: bytes))
    case .sha384: Array(SHA384.hash(data: bytes))
    case .sha512: Array(SHA512.hash(data: bytes))
    }
  }

  func authenticate(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
    let key = SymmetricKey(data: key)
    return switch self {
    case .sha256: Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
    case .sha384: Array(HMAC<SHA384>.authenticationCode(for: bytes, using: key))
    case .sha512: Array(HMAC<SHA512>.authenticationCode(for: bytes, using: key))
    }
  }

  func mask(_ seed: [UInt8], count: Int) -> [UInt8] {
    switch self {
    case .sha256: MaskGeneration.mask(seed, count: count, with: SHA256.self)
    case .sha384: MaskGeneration.mask(seed, count: count, with: SHA384.self)
    case .sha512: MaskGeneration.mask(seed, count: count, with: SHA512.self)
    }
  }
}
