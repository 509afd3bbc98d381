import Daemon
import FoundationEssentials
import HTTP
import Keys
import SPIFFE

/// The calls that the key manager `hashicorp_vault` makes to a transit engine, and what their answers must be
/// (server-plugins §2.4). A value; the client does the work.
struct TransitEngine: Sendable {
  /// What the engine says of a key that signs.
  struct Description: Equatable, Sendable {
    let type: KeyType
    let publicKey: PublicKey
    let createdAt: Date
  }

  /// Version 1: keys are never rotated in place, as a CA's certificate is for one key.
  private static let version = "1"
  private static let types: [KeyType: String] = [
    .ecP256: "ecdsa-p256", .ecP384: "ecdsa-p384", .rsa2048: "rsa-2048", .rsa4096: "rsa-4096",
  ]

  let client: VaultClient
  /// Where the engine is mounted: `transit`.
  let path: String

  /// The names of all keys in the engine.
  func names() async throws -> [String] {
    let answer: VaultAnswer
    do {
      answer = try await client.call(.get, "\(path)/keys", query: "list=true")
    } catch let error as VaultError where error.kind == .notFound {
      // How Vault says that there are none.
      return []
    }
    guard let keys = try answer.data("the list of \(path)/keys")["keys"]?.array else {
      throw VaultError(.badAnswer, "Vault's list of \(path)/keys has no keys")
    }
    return try keys.map {
      guard let name = $0.string else {
        throw VaultError(.badAnswer, "Vault's list of \(path)/keys has a key without name")
      }
      return name
    }
  }

  func create(_ name: String, _ type: KeyType) async throws {
    _ = try await client.call(
      .put, "\(path)/keys/\(name)",
      ["type": .string(Self.types[type] ?? ""), "exportable": false, "auto_rotate_period": "0"])
  }

  func read(_ name: String) async throws -> Description {
    try Self.description(
      name, try await client.call(.get, "\(path)/keys/\(name)").data("a GET of \(path)/keys/\(name)"))
  }

  /// What the data of a key say; pure.
  static func description(_ name: String, _ data: JSONValue) throws(VaultError) -> Description {
    func bad(_ why: String) -> VaultError { VaultError(.badAnswer, "transit key \"\(name)\" of Vault \(why)") }
    guard let named = data["type"]?.string else { throw bad("has no type") }
    guard let type = types.first(where: { $0.value == named })?.key else {
      throw bad("has type \(GoText.quote(String(named.prefix(80)))), which cannot sign here")
    }
    guard let version = data["keys"]?[version] else { throw bad("has no version 1; versions must not be archived") }
    guard let pem = version["public_key"]?.string else { throw bad("has no public_key") }
    guard let created = version["creation_time"]?.string.flatMap(GoTime.parseRFC3339) else {
      throw bad("has no creation_time")
    }
    let key: PublicKey
    do {
      let blocks = try PEM.decode(pem, type: "PUBLIC KEY")
      guard blocks.count == 1 else { throw bad("has \(blocks.count) PEM blocks PUBLIC KEY in its public_key, not one") }
      key = try PublicKey(pkix: blocks[0])
    } catch let error as VaultError {
      throw error
    } catch {
      throw VaultError(
        .badAnswer, "transit key \"\(name)\" of Vault has an unusable public_key: \(error)", cause: error)
    }
    let expected: PublicKey.KeyType
    switch type {
    case .ecP256: expected = .ecP256
    case .ecP384: expected = .ecP384
    case .rsa2048: expected = .rsa(bits: 2048)
    case .rsa4096: expected = .rsa(bits: 4096)
    }
    guard key.keyType == expected else { throw bad("has type \(named), and a public_key of \(key)") }
    return Description(type: type, publicKey: key, createdAt: created)
  }

  /// Signs a digest. DER for ECDSA, PKCS #1 v1.5 for RSA.
  func sign(_ digest: [UInt8], _ kind: DigestAlgorithm, key name: String, isRSA: Bool) async throws -> [UInt8] {
    let hash: String
    switch kind {
    case .sha256: hash = "sha2-256"
    case .sha384: hash = "sha2-384"
    case .sha512: hash = "sha2-512"
    }
    var body: JSONObject = [
      "input": .string(Base64.encode(digest)), "prehashed": true, "marshaling_algorithm": "asn1", "key_version": 1,
    ]
    if isRSA { body["signature_algorithm"] = "pkcs1v15" }
    let request = "\(path)/sign/\(name)/\(hash)"
    return try Self.signature(try await client.call(.put, request, .object(body)).data("PUT \(request)"))
  }

  /// The signature in an answer; pure.
  static func signature(_ data: JSONValue) throws(VaultError) -> [UInt8] {
    guard let text = data["signature"]?.string else { throw VaultError(.badAnswer, "Vault's answer has no signature") }
    let prefix = "vault:v\(version):"
    guard text.hasPrefix(prefix) else {
      throw VaultError(
        .badAnswer, "Vault's signature does not begin with \(prefix): \(GoText.quote(String(text.prefix(16))))")
    }
    let bytes: [UInt8]
    do { bytes = try Base64.decode(text.dropFirst(prefix.count)) } catch {
      throw VaultError(.badAnswer, "Vault's signature is not base64", cause: error)
    }
    guard !bytes.isEmpty else { throw VaultError(.badAnswer, "Vault's signature is empty") }
    return bytes
  }

  /// Deletes a key for good.
  func delete(_ name: String) async throws {
    do {
      _ = try await client.call(.put, "\(path)/keys/\(name)/config", ["deletion_allowed": true])
      _ = try await client.call(.delete, "\(path)/keys/\(name)")
    } catch let error as VaultError where error.kind == .notFound {
      return
    } catch let error as VaultError where error.kind == .refused && error.message.contains("no existing key") {
      return
    }
  }
}
