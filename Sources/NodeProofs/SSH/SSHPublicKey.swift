import Crypto
import CryptoExtras
import FoundationEssentials

/// A public key of an SSH host or of an authority: Ed25519, RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521
/// (RFC 4253 §6.6, RFC 5656, RFC 8709). A value is always a usable key.
package struct SSHPublicKey: Sendable {
  enum Material: Sendable {
    case p256(P256.Signing.PublicKey)
    case p384(P384.Signing.PublicKey)
    case p521(P521.Signing.PublicKey)
    case ed25519(Curve25519.Signing.PublicKey)
    case rsa(_RSA.Signing.PublicKey)
  }

  /// `ssh-ed25519`, `ssh-rsa`, `ecdsa-sha2-nistp256`, …
  package let type: String
  /// The wire form: what a fingerprint is made of.
  package let wire: [UInt8]
  let material: Material

  /// Reads the wire form; a certificate is no key.
  package init(wire: [UInt8]) throws(NodeProofError) {
    var reader = SSHReader(wire)
    guard let type = reader.text() else { throw NodeProofError("ssh: short read") }
    try self.init(type: type, fields: &reader)
    guard reader.isAtEnd else { throw NodeProofError("ssh: trailing junk in public key") }
    // One key, one form: a fingerprint must not depend on how a number is written.
    guard self.wire == wire else { throw NodeProofError("ssh: the key is not in its shortest form") }
  }

  /// Reads what follows the name of the type.
  init(type: String, fields: inout SSHReader) throws(NodeProofError) {
    var writer = SSHWriter()
    writer.string(type)
    switch type {
    case "ssh-ed25519":
      guard let bytes = fields.string(), let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else {
        throw NodeProofError("ssh: invalid size for Ed25519 public key")
      }
      material = .ed25519(key)
      writer.string(bytes)
    case "ssh-rsa":
      guard let exponent = fields.positiveNumber(), let modulus = fields.positiveNumber() else {
        throw NodeProofError("ssh: malformed RSA key")
      }
      material = .rsa(try Self.rsa(modulus: modulus, exponent: exponent))
      writer.positiveNumber(exponent)
      writer.positiveNumber(modulus)
    case "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521":
      guard let curve = fields.text(), let point = fields.string(), type == "ecdsa-sha2-" + curve else {
        throw NodeProofError("ssh: malformed ECDSA key")
      }
      let key: Material? =
        switch curve {
        case "nistp256": (try? P256.Signing.PublicKey(x963Representation: point)).map { .p256($0) }
        case "nistp384": (try? P384.Signing.PublicKey(x963Representation: point)).map { .p384($0) }
        default: (try? P521.Signing.PublicKey(x963Representation: point)).map { .p521($0) }
        }
      guard let key, point.first == 4 else { throw NodeProofError("ssh: invalid curve point") }
      material = key
      writer.string(curve)
      writer.string(point)
    default:
      throw NodeProofError(
        "ssh: unsupported key type \"\(type.prefix(80))\"; use Ed25519, RSA or ECDSA on a NIST curve")
    }
    self.type = type
    wire = writer.bytes
  }

  private static func rsa(modulus: [UInt8], exponent: [UInt8]) throws(NodeProofError) -> _RSA.Signing.PublicKey {
    let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
    guard (2048...8192).contains(bits) else { throw NodeProofError("ssh: RSA key of \(bits) bits: use 2048 to 8192") }
    let value = exponent.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard exponent.count <= 4, value >= 3, value & 1 == 1, value < 1 << 31, modulus.last.map({ $0 & 1 }) == 1,
      let key = try? _RSA.Signing.PublicKey(n: Data(modulus), e: Data(exponent))
    else { throw NodeProofError("ssh: RSA key with an impossible modulus or exponent") }
    return key
  }

  /// Throws unless `signature` over `message` was made with the private half. A signature whose format does not belong
  /// to the key is never valid.
  package func verify(_ signature: SSHSignature, for message: [UInt8]) throws(NodeProofError) {
    let isValid: Bool
    switch material {
    case .rsa(let key): isValid = try Self.isValid(signature, for: message, key: key)
    default:
      guard signature.format == type else {
        throw NodeProofError("ssh: signature type \(signature.format.prefix(80)) for key type \(type)")
      }
      isValid = isValidOnCurve(signature.blob, for: message)
    }
    guard isValid else { throw NodeProofError("ssh: signature did not verify") }
  }

  private static func isValid(
    _ signature: SSHSignature, for message: [UInt8], key: _RSA.Signing.PublicKey
  ) throws(NodeProofError) -> Bool {
    // RFC 8332 §3: some signers leave leading zeros out.
    let size = (key.keySizeInBits + 7) / 8
    guard signature.blob.count <= size else { return false }
    let made = _RSA.Signing.RSASignature(
      rawRepresentation: [UInt8](repeating: 0, count: size - signature.blob.count) + signature.blob)
    switch signature.format {
    case "rsa-sha2-256": return key.isValidSignature(made, for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5)
    case "rsa-sha2-512": return key.isValidSignature(made, for: SHA512.hash(data: message), padding: .insecurePKCS1v1_5)
    case "ssh-rsa":
      // SPIRE: upstream's agents sign so. The message is a digest with a number of the server in it.
      return key.isValidSignature(made, for: Insecure.SHA1.hash(data: message), padding: .insecurePKCS1v1_5)
    default: throw NodeProofError("ssh: signature type \(signature.format.prefix(80)) for key type ssh-rsa")
    }
  }

  private func isValidOnCurve(_ blob: [UInt8], for message: [UInt8]) -> Bool {
    if case .ed25519(let key) = material { return key.isValidSignature(blob, for: message) }
    var reader = SSHReader(blob)
    guard let r = reader.positiveNumber(), let s = reader.positiveNumber(), reader.isAtEnd else { return false }
    switch material {
    case .p256(let key):
      guard let numbers = ECDSANumbers(r, s, size: 32),
        let made = try? P256.Signing.ECDSASignature(rawRepresentation: numbers.raw)
      else { return false }
      return key.isValidSignature(made, for: SHA256.hash(data: message))
    case .p384(let key):
      guard let numbers = ECDSANumbers(r, s, size: 48),
        let made = try? P384.Signing.ECDSASignature(rawRepresentation: numbers.raw)
      else { return false }
      return key.isValidSignature(made, for: SHA384.hash(data: message))
    case .p521(let key):
      guard let numbers = ECDSANumbers(r, s, size: 66),
        let made = try? P521.Signing.ECDSASignature(rawRepresentation: numbers.raw)
      else { return false }
      return key.isValidSignature(made, for: SHA512.hash(data: message))
    case .ed25519, .rsa: return false
    }
  }
}

extension SSHPublicKey: Hashable {
  package static func == (a: Self, b: Self) -> Bool { a.wire == b.wire }
  package func hash(into hasher: inout Hasher) { hasher.combine(wire) }
}
