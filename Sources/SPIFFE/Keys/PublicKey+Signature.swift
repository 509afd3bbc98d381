import Crypto
import CryptoExtras
import FoundationEssentials

extension PublicKey {
  /// Whether `signature` over `message` was made with the private half of this key.
  ///
  /// ES signatures are r and s one after the other, each as long as a coordinate (RFC 7518 §3.4). The salt of a PS
  /// signature is as long as the digest (§3.5). An algorithm that does not fit the key is never valid.
  public func isValidSignature(
    _ signature: some Collection<UInt8>, for message: some Collection<UInt8>, algorithm: JWSAlgorithm
  ) -> Bool {
    guard algorithm.fits(keyType) else { return false }
    let message = ContiguousArray(message)
    let signature = Data(signature)
    switch (algorithm, backing) {
    case (.es256, .p256(let key)):
      guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
      return key.isValidSignature(signature, for: SHA256.hash(data: message))
    case (.es384, .p384(let key)):
      guard let signature = try? P384.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
      return key.isValidSignature(signature, for: SHA384.hash(data: message))
    case (.es512, .p521(let key)):
      guard let signature = try? P521.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
      return key.isValidSignature(signature, for: SHA512.hash(data: message))
    case (_, .rsa(let key)):
      return Self.isValidRSA(_RSA.Signing.RSASignature(rawRepresentation: signature), message, key, algorithm)
    default:
      return false
    }
  }

  private static func isValidRSA(
    _ signature: _RSA.Signing.RSASignature, _ message: ContiguousArray<UInt8>, _ key: _RSA.Signing.PublicKey,
    _ algorithm: JWSAlgorithm
  ) -> Bool {
    switch algorithm {
    case .rs256: key.isValidSignature(signature, for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5)
    case .rs384: key.isValidSignature(signature, for: SHA384.hash(data: message), padding: .insecurePKCS1v1_5)
    case .rs512: key.isValidSignature(signature, for: SHA512.hash(data: message), padding: .insecurePKCS1v1_5)
    case .ps256: key.isValidSignature(signature, for: SHA256.hash(data: message), padding: .PSS)
    case .ps384: key.isValidSignature(signature, for: SHA384.hash(data: message), padding: .PSS)
    case .ps512: key.isValidSignature(signature, for: SHA512.hash(data: message), padding: .PSS)
    case .es256, .es384, .es512: false
    }
  }
}
