package import SPIFFE

/// The kinds of keys that the daemons make (`ca_key_type`, `workload_x509_svid_key_type`).
package enum KeyType: String, CaseIterable, Sendable {
  case rsa2048 = "rsa-2048"
  case rsa4096 = "rsa-4096"
  case ecP256 = "ec-p256"
  case ecP384 = "ec-p384"
}

/// How a message is hashed and signed.
package enum SignatureAlgorithm: Hashable, Sendable {
  case ecdsaSHA256
  case ecdsaSHA384
  case rsaPKCS1SHA256
}

/// A private key that stays inside its key manager. Callers sign with it and see its public half.
package protocol ManagedKey: Sendable {
  var id: String { get }
  var type: KeyType { get }
  var publicKey: PublicKey { get }
  /// Whether ``signNow(_:algorithm:)`` works and is cheap enough for an event loop (P-256 in this process: 24 µs).
  var signsInline: Bool { get }
  /// Signs at once. ECDSA signatures are DER (`Ecdsa-Sig-Value`), RSA ones raw.
  func signNow(_ message: [UInt8], algorithm: SignatureAlgorithm) throws -> [UInt8]
  /// Signs off the event loops.
  func sign(_ message: [UInt8], algorithm: SignatureAlgorithm) async throws -> [UInt8]
}

/// Makes and keeps private keys under ids such as `x509-CA-A` or `agent-svid-B` (server-plugins §2, agent-plugins §2).
package protocol KeyManager: Sendable {
  /// Makes a key and replaces the one that had this id.
  func generateKey(id: String, type: KeyType) async throws -> any ManagedKey
  /// The key of this id.
  func key(id: String) async throws -> (any ManagedKey)?
  /// All keys, sorted by id.
  func keys() async throws -> [any ManagedKey]
}
