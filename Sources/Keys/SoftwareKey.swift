import Crypto
import CryptoExtras
import FoundationEssentials
package import SPIFFE

/// A private key in this process: P-256, P-384 or RSA.
///
/// The memory and disk key managers hold them, and the server's own SVID has one. Immutable.
package struct SoftwareKey: ManagedKey {
  enum Material: Sendable {
    case p256(P256.Signing.PrivateKey)
    case p384(P384.Signing.PrivateKey)
    case rsa(_RSA.Signing.PrivateKey)
  }

  package let id: String
  package let type: KeyType
  package let publicKey: PublicKey
  let material: Material

  private init(id: String, type: KeyType, material: Material) throws {
    self.id = id
    self.type = type
    self.material = material
    switch material {
    case .p256(let key): publicKey = try PublicKey(pkix: Array(key.publicKey.derRepresentation))
    case .p384(let key): publicKey = try PublicKey(pkix: Array(key.publicKey.derRepresentation))
    case .rsa(let key): publicKey = try PublicKey(pkix: Array(key.publicKey.derRepresentation))
    }
  }

  /// Makes a new key. RSA and P-384 take milliseconds to seconds: call it on ``BackgroundWork``.
  package init(generating type: KeyType, id: String = "") throws {
    switch type {
    case .ecP256: try self.init(id: id, type: type, material: .p256(P256.Signing.PrivateKey()))
    case .ecP384: try self.init(id: id, type: type, material: .p384(P384.Signing.PrivateKey()))
    case .rsa2048: try self.init(id: id, type: type, material: .rsa(_RSA.Signing.PrivateKey(keySize: .bits2048)))
    case .rsa4096: try self.init(id: id, type: type, material: .rsa(_RSA.Signing.PrivateKey(keySize: .bits4096)))
    }
  }

  /// Reads a key from its PKCS#8 form (RFC 5958).
  package init(pkcs8: [UInt8], id: String = "") throws(KeysError) {
    do {
      if let key = try? P256.Signing.PrivateKey(derRepresentation: pkcs8) {
        try self.init(id: id, type: .ecP256, material: .p256(key))
      } else if let key = try? P384.Signing.PrivateKey(derRepresentation: pkcs8) {
        try self.init(id: id, type: .ecP384, material: .p384(key))
      } else if let key = try? _RSA.Signing.PrivateKey(derRepresentation: pkcs8) {
        guard let type: KeyType = [2048: .rsa2048, 4096: .rsa4096][key.keySizeInBits] else {
          throw KeysError(
            .internal, "unsupported RSA key size \(key.keySizeInBits); must be 2048 or 4096 bits")
        }
        try self.init(id: id, type: type, material: .rsa(key))
      } else {
        throw KeysError(.internal, "not the PKCS#8 form of an EC P-256, EC P-384 or RSA key")
      }
    } catch let error as KeysError {
      throw error
    } catch {
      throw KeysError(.internal, "unusable public key: \(error)", cause: error)
    }
  }

  /// Reads the key of a CA that somebody else made: as ``init(pkcs8:id:)``, also PKCS #1 and SEC 1, and RSA of any size
  /// from 2048 to 8192 bits. ``type`` then says how it signs, not how long it is.
  package init(signingKey der: [UInt8], id: String) throws(KeysError) {
    if let key = try? _RSA.Signing.PrivateKey(derRepresentation: der), key.keySizeInBits != 2048 {
      guard (2048...8192).contains(key.keySizeInBits) else {
        throw KeysError(.internal, "unsupported RSA key size \(key.keySizeInBits); must be 2048 to 8192 bits")
      }
      do { try self.init(id: id, type: .rsa4096, material: .rsa(key)) } catch {
        throw KeysError(.internal, "unusable public key: \(error)", cause: error)
      }
    } else {
      try self.init(pkcs8: der, id: id)
    }
  }

  /// The key's PKCS#8 form. It leaves the process only for the key file and for TLS.
  package var pkcs8: [UInt8] {
    switch material {
    case .p256(let key): Array(key.derRepresentation)
    case .p384(let key): Array(key.derRepresentation)
    case .rsa(let key): Array(key.pkcs8DERRepresentation)
    }
  }

  package var signsInline: Bool { type == .ecP256 }

  package func signNow(_ message: [UInt8], algorithm: SignatureAlgorithm) throws -> [UInt8] {
    switch (material, algorithm) {
    case (.p256(let key), .ecdsaSHA256):
      // What nearly all credentials are signed with: without the detours of a general encoder.
      Self.der(try key.signature(for: SHA256.hash(data: message)).rawRepresentation)
    case (.p256(let key), .ecdsaSHA384): Array(try key.signature(for: SHA384.hash(data: message)).derRepresentation)
    case (.p384(let key), .ecdsaSHA256): Array(try key.signature(for: SHA256.hash(data: message)).derRepresentation)
    case (.p384(let key), .ecdsaSHA384): Array(try key.signature(for: SHA384.hash(data: message)).derRepresentation)
    case (.rsa(let key), .rsaPKCS1SHA256):
      Array(try key.signature(for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5).rawRepresentation)
    case (.rsa, _), (_, .rsaPKCS1SHA256):
      throw KeysError(
        .invalidArgument,
        "failed to sign data: key \"\(id)\" of type \(type.rawValue) cannot make \(algorithm) signatures")
    }
  }

  /// The DER of an ECDSA signature that is given as r and s of equal length (RFC 3279 §2.2.3).
  private static func der(_ raw: some Collection<UInt8>) -> [UInt8] {
    let half = raw.index(raw.startIndex, offsetBy: raw.count / 2)
    var writer = DERWriter(capacity: 80)
    writer.sequence {
      $0.integer(magnitude: raw[..<half])
      $0.integer(magnitude: raw[half...])
    }
    return writer.bytes
  }

  package func sign(_ message: [UInt8], algorithm: SignatureAlgorithm) async throws -> [UInt8] {
    if signsInline { return try signNow(message, algorithm: algorithm) }
    return try await BackgroundWork.run { try signNow(message, algorithm: algorithm) }
  }
}
