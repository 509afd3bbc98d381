import Crypto
import FoundationEssentials
import Keys
import SPIFFE

/// A key in Vault's transit engine. It signs by asking Vault; each signature is verified before it is used. Immutable.
struct TransitKey: ManagedKey {
  let id: String
  let type: KeyType
  let publicKey: PublicKey
  /// Its name in the engine.
  let name: String
  let createdAt: Date
  let engine: TransitEngine

  /// A call to Vault never runs on an event loop.
  var signsInline: Bool { false }

  func signNow(_ message: [UInt8], algorithm: SignatureAlgorithm) throws -> [UInt8] {
    throw KeysError(.internal, "failed to sign data: key \"\(id)\" is in Vault and does not sign at once")
  }

  func sign(_ message: [UInt8], algorithm: SignatureAlgorithm) async throws -> [UInt8] {
    let digest: [UInt8]
    let kind: DigestAlgorithm
    switch (algorithm, type) {
    case (.ecdsaSHA256, .ecP256), (.ecdsaSHA256, .ecP384), (.rsaPKCS1SHA256, .rsa2048), (.rsaPKCS1SHA256, .rsa4096):
      (digest, kind) = (Array(SHA256.hash(data: message)), .sha256)
    case (.ecdsaSHA384, .ecP256), (.ecdsaSHA384, .ecP384):
      (digest, kind) = (Array(SHA384.hash(data: message)), .sha384)
    default:
      throw KeysError(
        .invalidArgument,
        "failed to sign data: key \"\(id)\" of type \(type.rawValue) cannot make \(algorithm) signatures")
    }
    let signature: [UInt8]
    do { signature = try await engine.sign(digest, kind, key: name, isRSA: algorithm == .rsaPKCS1SHA256) } catch {
      throw HashicorpVaultKeys.failure("failed to sign data: ", error)
    }
    // What is handed out bears the server's name: it is checked, whoever made it.
    guard publicKey.isValidX509Signature(signature, for: message, digest: kind) else {
      throw KeysError(
        .internal, "failed to sign data: Vault's signature is not one of transit key \"\(name)\" over this data")
    }
    return signature
  }
}
