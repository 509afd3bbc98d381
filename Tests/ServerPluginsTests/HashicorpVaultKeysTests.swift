import Crypto
import Daemon
import DaemonTesting
import Foundation
import HTTP
import Keys
import Plugins
import SPIFFE
import Synchronization
import TLS
import Testing

@testable import ServerPlugins

/// The key manager `hashicorp_vault`: whose keys it takes, what it keeps, and what it does not believe.
@Suite struct HashicorpVaultKeysTests {
  private static let server = "b9c1f2d4-0000-4000-8000-000000000001"
  private let vault = TransitVault()
  private let time = HastyTime()
  private let log = LogCapture()
  private static let configuration = """
    vault_addr = "https://vault.test"
    key_identifier_value = "\(server)"
    token_auth { token = "very-secret" }
    """

  private func plugin(_ text: String = Self.configuration, _ environment: [String: String] = [:]) async throws
    -> (keys: HashicorpVaultKeys, asked: ScriptedVault)
  {
    let transport = vault.transport()
    let plugin = HashicorpVaultKeys(
      VaultParts(environment: environment, time: time, logger: log.logger, transport: { _ in transport }))
    try await plugin.configure(PluginData(text: text))
    return (plugin, transport)
  }

  private func text<T>(_ body: () async throws -> T) async -> String? {
    do {
      _ = try await body()
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func aRestartFindsTheKeysOfThisServerAgain() async throws {
    let (first, asked) = try await plugin()
    #expect(try await first.keys().isEmpty)
    let made = try await first.generateKey(id: "x509-CA-A", type: .ecP256)
    _ = try await first.generateKey(id: "JWT-Signer-A", type: .ecP384)
    #expect(made.id == "x509-CA-A" && made.type == .ecP256 && !made.signsInline)
    let creation = try #require(asked.asked.first { $0.line.hasPrefix("PUT /v1/transit/keys/") })
    #expect(creation.body == ["type": "ecdsa-p256", "exportable": false, "auto_rotate_period": "0"])
    // Names of others, and some that only look like ours.
    for name in ["other", "\(Self.server)-x509-CA-A", "\(Self.server)-\(RandomUUID.text())-", "a-\(vault.names[0])"] {
      vault.state.withLock { $0.keys[name] = $0.keys.values.first }
    }
    let (second, _) = try await plugin()
    #expect(try await second.keys().map(\.id) == ["JWT-Signer-A", "x509-CA-A"])
    #expect(try await second.key(id: "x509-CA-A")?.publicKey == made.publicKey)
    #expect(try await second.key(id: "x509-CA-B") == nil)
    let (stranger, _) = try await plugin(
      Self.configuration.replacingOccurrences(of: Self.server, with: "another-server"))
    #expect(try await stranger.keys().isEmpty)
  }

  @Test func aKeyThatIsReplacedIsDeleted() async throws {
    let (keys, _) = try await plugin()
    let old = try await keys.generateKey(id: "x509-CA-A", type: .ecP256)
    let new = try await keys.generateKey(id: "x509-CA-A", type: .ecP256)
    #expect(old.publicKey != new.publicKey)
    #expect(vault.names.count == 1)
    #expect(try await keys.key(id: "x509-CA-A")?.publicKey == new.publicKey)
    // When it cannot be deleted, the new one is used all the same, and it is tried again.
    vault.override("DELETE", .errors(403, "permission denied"))
    let third = try await keys.generateKey(id: "x509-CA-A", type: .ecP256)
    #expect(vault.names.count == 2)
    #expect(log.text.contains("Unable to delete a key that is not needed any more"))
    await keys.dispose()
    #expect(vault.names.count == 2)
    let (restarted, _) = try await plugin()
    #expect(try await restarted.key(id: "x509-CA-A")?.publicKey == third.publicKey, "the newest one counts")
    vault.obey()
    await keys.dispose()
    #expect(vault.names.count == 1)
    await restarted.dispose()
    #expect(vault.names.count == 1, "one that is gone is no fault")
    #expect(try await plugin().keys.key(id: "x509-CA-A")?.publicKey == third.publicKey)
  }

  @Test func aKeyThatWasHalfMadeIsNotTakenForTheNewest() async throws {
    let (keys, _) = try await plugin()
    let good = try await keys.generateKey(id: "x509-CA-A", type: .ecP256)
    vault.override("GET /v1/transit/keys/\(Self.server)", .errors(500, "storage is away"))
    let message = await text { try await keys.generateKey(id: "x509-CA-A", type: .ecP256) }
    #expect(message?.hasPrefix("keymanager(hashicorp_vault): failed to generate key: Vault answered 500 to ") == true)
    #expect(vault.names.count == 2)
    vault.obey()
    await keys.dispose()
    #expect(vault.names.count == 1)
    #expect(try await keys.key(id: "x509-CA-A")?.publicKey == good.publicKey)
    #expect(try await plugin().keys.key(id: "x509-CA-A")?.publicKey == good.publicKey)
  }

  @Test func signaturesAreAskedForByDigestAndVerified() async throws {
    let (keys, asked) = try await plugin()
    let rows: [(KeyType, SignatureAlgorithm, String, String?)] = [
      (.ecP256, .ecdsaSHA256, "sha2-256", nil), (.ecP384, .ecdsaSHA384, "sha2-384", nil),
      (.ecP256, .ecdsaSHA384, "sha2-384", nil), (.rsa2048, .rsaPKCS1SHA256, "sha2-256", "pkcs1v15"),
    ]
    let message = Array("message".utf8)
    for (type, algorithm, hash, scheme) in rows {
      let key = try await keys.generateKey(id: "k", type: type)
      let name = vault.names[0]
      let held = vault.state.withLock { $0.keys[name]?.key }
      let inside = try #require(held)
      let signature = try inside.signNow(message, algorithm: algorithm)
      func answer(_ bytes: [UInt8], _ prefix: String = "vault:v1:") -> HTTPAnswer {
        .json(["data": ["signature": .string(prefix + Base64.encode(bytes))]])
      }
      vault.override("PUT /v1/transit/sign/", answer(signature))
      #expect(try await key.sign(message, algorithm: algorithm) == signature)
      let request = try #require(asked.asked.last)
      #expect(request.line == "PUT /v1/transit/sign/\(name)/\(hash)")
      let digest = hash == "sha2-256" ? Array(SHA256.hash(data: message)) : Array(SHA384.hash(data: message))
      #expect(request.body?["input"]?.string == Base64.encode(digest))
      #expect(request.body?["prehashed"] == true)
      #expect(request.body?["marshaling_algorithm"] == "asn1")
      #expect(request.body?["signature_algorithm"]?.string == scheme)
      // Of other data, of another key, and of none.
      let other = try SoftwareKey(generating: type)
      var broken = signature
      broken[broken.count - 1] ^= 1
      for bytes in [
        try inside.signNow([1], algorithm: algorithm), try other.signNow(message, algorithm: algorithm), broken, [0],
      ] {
        vault.obey()
        vault.override("PUT /v1/transit/sign/", answer(bytes))
        let found = await text { try await key.sign(message, algorithm: algorithm) }
        #expect(found?.contains("failed to sign data: Vault's signature is not one of transit key \"\(name)\"") == true)
      }
      vault.obey()
    }
    let key = try await keys.generateKey(id: "k", type: .ecP256)
    let impossible = await text { try await key.sign(message, algorithm: .rsaPKCS1SHA256) }
    #expect(impossible?.contains("cannot make") == true)
    #expect(throws: KeysError.self) { try key.signNow(message, algorithm: .ecdsaSHA256) }
    vault.override("PUT /v1/transit/sign/", .errors(503, "Vault is sealed"))
    let sealed = await text { try await key.sign(message, algorithm: .ecdsaSHA256) }
    #expect(sealed?.hasPrefix("keymanager(hashicorp_vault): failed to sign data: Vault answered 503 to ") == true)
    #expect(sealed?.contains("Vault is sealed; unseal it") == true)
    #expect(!log.text.contains("very-secret"))
  }

  @Test(arguments: [
    ("{}", "has no signature"), ("{\"signature\":1}", "has no signature"),
    ("{\"signature\":\"\"}", "does not begin with vault:v1:"),
    ("{\"signature\":\"vault:v2:AAAA\"}", "does not begin with vault:v1:: \"vault:v2:AAAA\""),
    ("{\"signature\":\"vault:v1:\"}", "is empty"), ("{\"signature\":\"vault:v1:?\"}", "is not base64"),
  ]) func aSignatureHasItsForm(_ data: String, _ message: String) throws {
    let error = #expect(throws: VaultError.self) { try TransitEngine.signature(try JSONValue(parsing: data)) }
    #expect(error?.message.contains(message) == true)
  }

  @Test func aKeyIsWhatItSays() throws {
    let key = TransitVault.Key(key: try SoftwareKey(generating: .ecP256), type: "ecdsa-p256", createdAt: Date())
    let pem = PEM.encode(key.key.publicKey.pkix, type: "PUBLIC KEY")
    let made = "2026-11-22T07:14:37.501528Z"
    func data(_ type: JSONValue, _ version: JSONValue?) -> JSONValue {
      var object: JSONObject = ["type": type]
      if let version { object["keys"] = version }
      return .object(object)
    }
    func version(_ key: JSONValue, _ time: JSONValue = "2026-11-22T07:14:37Z") -> JSONValue {
      ["1": ["public_key": key, "creation_time": time]]
    }
    let good = try TransitEngine.description("n", data("ecdsa-p256", version(.string(pem), .string(made))))
    #expect(good.publicKey == key.key.publicKey && good.type == .ecP256)
    let rows: [(JSONValue, String)] = [
      ([:], "has no type"), (data(1, nil), "has no type"),
      (data("aes256-gcm96", nil), "has type \"aes256-gcm96\", which cannot sign here"),
      (data("ed25519", version(.string(pem))), "has type \"ed25519\""), (data("ecdsa-p256", nil), "has no version 1"),
      (data("ecdsa-p256", ["2": [:]]), "has no version 1"), (data("ecdsa-p256", ["1": [:]]), "has no public_key"),
      (data("ecdsa-p256", version("", "yesterday")), "has no creation_time"),
      (data("ecdsa-p256", version("none")), "has 0 PEM blocks PUBLIC KEY"),
      (data("ecdsa-p256", version(.string(pem + pem))), "has 2 PEM blocks PUBLIC KEY"),
      (data("ecdsa-p256", version(.string(PEM.encode([1, 2], type: "PUBLIC KEY")))), "has an unusable public_key"),
      (data("ecdsa-p384", version(.string(pem))), "has type ecdsa-p384, and a public_key of EC P-256"),
      (data("rsa-2048", version(.string(pem))), "has type rsa-2048, and a public_key of EC P-256"),
    ]
    for (data, message) in rows {
      let error = #expect(throws: VaultError.self) { try TransitEngine.description("n", data) }
      #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }
  }

  @Test(arguments: [
    ("[]", "is no JSON object"), ("{", "is no JSON: "), ("{}", "has no data"), ("{\"data\":{}}", "has no keys"),
    ("{\"data\":{\"keys\":[1]}}", "has a key without name"),
  ]) func aListIsAList(_ body: String, _ message: String) async throws {
    vault.override("GET /v1/transit/keys?list=true", HTTPAnswer(status: 200, body: Array(body.utf8)))
    let found = await text { try await plugin() }
    #expect(found?.hasPrefix("keymanager(hashicorp_vault): Vault's ") == true)
    #expect(found?.contains(message) == true, "\(found ?? "accepted")")
  }

  @Test func theServerIsKnownByAFileOrAValue() async throws {
    let path = NSTemporaryDirectory() + "identifier-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: path) }
    let base = "vault_addr = \"https://vault.test\"\ntoken_auth { token = \"t\" }\n"
    let file = base + "key_identifier_file = \"\(path)\"\n"
    let (first, _) = try await plugin(file)
    let identifier = try String(contentsOfFile: path, encoding: .utf8)
    #expect(TransitKeyName.isUUID(identifier))
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    _ = try await first.generateKey(id: "a", type: .ecP256)
    #expect(vault.names[0].hasPrefix(identifier + "-"))
    #expect(try await plugin(file).keys.keys().count == 1)
    let engine = try await plugin(
      base + "key_identifier_value = \"a\"\ntransit_engine_path = \"x\"", ["VAULT_TRANSIT_ENGINE_PATH": "mine/here"])
    #expect(engine.asked.lines.contains("GET /v1/mine/here/keys?list=true"))

    let prefix = "keymanager(hashicorp_vault): "
    let neither = await text { try await plugin(base) }
    #expect(neither == prefix + "one of 'key_identifier_file' or 'key_identifier_value' must be provided")
    let both = await text { try await plugin(file + "key_identifier_value = \"a\"") }
    #expect(both == prefix + "only one of 'key_identifier_file' or 'key_identifier_value' must be provided")
    for bad in ["a b", "a/b", "..", String(repeating: "a", count: 129), "é"] {
      let found = await text { try await plugin(base + "key_identifier_value = \"\(bad)\"") }
      #expect(found?.contains("at most 128 letters") == true)
    }
    for bad in ["", "not-a-uuid", identifier + "0"] {
      try bad.write(toFile: path, atomically: true, encoding: .utf8)
      let found = await text { try await plugin(file) }
      #expect(found?.contains("it does not hold a UUID") == true)
    }
    let nowhere = await text { try await plugin(base + "key_identifier_file = \"/nonexistent/x\"") }
    #expect(nowhere?.hasPrefix(prefix + "key_identifier_file: ") == true)
  }

  @Test func nothingIsDoneBeforeItIsConfigured() async throws {
    let keys = HashicorpVaultKeys(VaultParts(environment: [:], time: time, logger: log.logger, tls: TLSPolicy()))
    let early = await text { try await keys.keys() }
    #expect(early == "keymanager(hashicorp_vault): not configured")
    let (configured, _) = try await plugin()
    for id in ["", "a/b", "a b"] {
      let found = await text { try await configured.generateKey(id: id, type: .ecP256) }
      #expect(found?.hasPrefix("keymanager(hashicorp_vault): failed to generate key: key id") == true)
    }
  }
}
