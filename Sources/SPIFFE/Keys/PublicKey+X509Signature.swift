import Crypto
import CryptoExtras
import FoundationEssentials

extension PublicKey {
  /// Whether `signature` over `message` was made with the private half of this key, in the form that X.509 uses: a DER
  /// ECDSA-Sig-Value for EC keys (RFC 3279 §2.2.3), PKCS#1 v1.5 for RSA keys (RFC 4055 §5).
  public func isValidX509Signature(
    _ signature: some Collection<UInt8>, for message: some Collection<UInt8>, digest: DigestAlgorithm
  ) -> Bool {
    let message = ContiguousArray(message)
    switch digest {
    case .sha256: return isValid(Array(signature), for: SHA256.hash(data: message))
    case .sha384: return isValid(Array(signature), for: SHA384.hash(data: message))
    case .sha512: return isValid(Array(signature), for: SHA512.hash(data: message))
    }
  }

  private func isValid(_ signature: [UInt8], for digest: some Digest) -> Bool {
    switch backing {
    case .p256(let key):
      guard let raw = Self.rawECDSA(signature, coordinateSize: 32),
        let signature = try? P256.Signing.ECDSASignature(rawRepresentation: raw)
      else { return false }
      return key.isValidSignature(signature, for: digest)
    case .p384(let key):
      guard let raw = Self.rawECDSA(signature, coordinateSize: 48),
        let signature = try? P384.Signing.ECDSASignature(rawRepresentation: raw)
      else { return false }
      return key.isValidSignature(signature, for: digest)
    case .p521(let key):
      guard let raw = Self.rawECDSA(signature, coordinateSize: 66),
        let signature = try? P521.Signing.ECDSASignature(rawRepresentation: raw)
      else { return false }
      return key.isValidSignature(signature, for: digest)
    case .rsa(let key):
      let signature = _RSA.Signing.RSASignature(rawRepresentation: signature)
      return key.isValidSignature(signature, for: digest, padding: .insecurePKCS1v1_5)
    }
  }

  /// r and s, each `coordinateSize` bytes, from strict DER; nil for anything else.
  private static func rawECDSA(_ der: [UInt8], coordinateSize: Int) -> [UInt8]? {
    var outer = DERReader(der[...])
    guard let sequence = outer.next(DERTag.sequence), outer.isAtEnd else { return nil }
    var numbers = DERReader(sequence.contents)
    guard let r = numbers.positiveInteger(), let s = numbers.positiveInteger(), numbers.isAtEnd,
      r.count <= coordinateSize, s.count <= coordinateSize
    else { return nil }
    func padded(_ number: ArraySlice<UInt8>) -> [UInt8] {
      [UInt8](repeating: 0, count: coordinateSize - number.count) + number
    }
    return padded(r) + padded(s)
  }
}
