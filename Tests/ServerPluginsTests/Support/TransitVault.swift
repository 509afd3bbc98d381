import Crypto
import CryptoExtras
import Daemon
import Foundation
import HTTP
import Keys
import SPIFFE
import Synchronization

@testable import ServerPlugins

/// A transit engine in this process: real keys, real signatures, the answers of Vault. It can be told to fail.
final class TransitVault: Sendable {
  struct Key: Sendable {
    var key: SoftwareKey
    var type: String
    var createdAt: Date
    var isDeletable = false
  }
  struct State: Sendable {
    var keys: [String: Key] = [:]
    /// Answers in place of the engine's, by the beginning of the request's line.
    var overrides: [(prefix: String, answer: HTTPAnswer)] = []
    var clock = Date(timeIntervalSince1970: 1_795_291_845)
  }
  let state = Mutex(State())

  static let types: [String: KeyType] = [
    "ecdsa-p256": .ecP256, "ecdsa-p384": .ecP384, "rsa-2048": .rsa2048, "rsa-4096": .rsa4096,
  ]

  var names: [String] { state.withLock { $0.keys.keys.sorted() } }
  func override(_ prefix: String, _ answer: HTTPAnswer) {
    state.withLock { $0.overrides.append((prefix, answer)) }
  }
  func obey() { state.withLock { $0.overrides = [] } }

  /// The transport of a plugin.
  func transport() -> ScriptedVault {
    ScriptedVault { asked, _ in
      if asked.line.hasSuffix("lookup-self") { return .json(["data": ["ttl": 0, "renewable": false]]) }
      return self.answer(asked)
    }
  }

  private func answer(_ asked: ScriptedVault.Asked) -> HTTPAnswer {
    state.withLock { state in
      if let found = state.overrides.first(where: { asked.line.hasPrefix($0.prefix) }) { return found.answer }
      let words = asked.line.split(separator: " ")
      let parts = words[1].split(separator: "/").dropFirst(2).map(String.init)
      switch (String(words[0]), parts.count) {
      case ("GET", 1):
        let names = state.keys.keys.sorted()
        return names.isEmpty ? .errors(404) : .json(["data": ["keys": .array(names.map { .string($0) })]])
      case ("GET", 2):
        guard let key = state.keys[parts[1]] else { return .errors(404) }
        return .json(["data": Self.describe(key)])
      case ("PUT", 2):
        guard let text = asked.body?["type"]?.string, let type = Self.types[text],
          let key = try? SoftwareKey(generating: type)
        else { return .errors(400, "unknown key type") }
        state.clock += 1
        state.keys[parts[1]] = Key(key: key, type: text, createdAt: state.clock)
        return .json([:])
      case ("PUT", 3) where parts[2] == "config":
        guard state.keys[parts[1]] != nil else {
          return .errors(400, "no existing key named \(parts[1]) could be found")
        }
        state.keys[parts[1]]?.isDeletable = true
        return .json([:])
      case ("PUT", 3):
        return .errors(400, "the test has no digests")
      case ("DELETE", 2):
        guard state.keys[parts[1]]?.isDeletable == true else { return .errors(400, "deletion is not allowed") }
        state.keys[parts[1]] = nil
        return HTTPAnswer(status: 204)
      default: return .errors(404)
      }
    }
  }

  static func describe(_ key: Key) -> JSONValue {
    let pem = PEM.encode(key.key.publicKey.pkix, type: "PUBLIC KEY")
    return [
      "type": .string(key.type), "latest_version": 1,
      "keys": [
        "1": ["public_key": .string(pem), "creation_time": .string(GoTime.rfc3339(key.createdAt, nanos: true))]
      ],
    ]
  }
}
