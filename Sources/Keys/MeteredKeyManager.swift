package import Daemon
import SPIFFE

/// Counts every call of a key manager, as upstream's servers and agents report them.
///
/// The composition root wraps the configured key manager in one; its keys count their signatures.
package struct MeteredKeyManager: KeyManager {
  /// The words of the counters, which differ between the two daemons (server-behaviour §10.2, agent-behaviour §18).
  package struct Names: Sendable {
    let daemon: String
    let key: String
    let keys: String

    /// `server_key_manager.generate_key`, `.get_public_key`, `.get_public_keys`, `.sign_data`.
    package static let server = Names(daemon: "server_key_manager", key: "get_public_key", keys: "get_public_keys")
    /// `agent_key_manager.generate_key`, `.get_key`, `.get_keys`, `.sign_data`.
    package static let agent = Names(daemon: "agent_key_manager", key: "get_key", keys: "get_keys")
  }

  private let base: any KeyManager
  private let names: Names
  private let metrics: Metrics

  package init(_ base: any KeyManager, names: Names, metrics: Metrics) {
    self.base = base
    self.names = names
    self.metrics = metrics
  }

  package func generateKey(id: String, type: KeyType) async throws -> any ManagedKey {
    try await metrics.call([names.daemon, "generate_key"]) { metered(try await base.generateKey(id: id, type: type)) }
  }

  package func key(id: String) async throws -> (any ManagedKey)? {
    try await metrics.call([names.daemon, names.key]) { try await base.key(id: id).map(metered) }
  }

  package func keys() async throws -> [any ManagedKey] {
    try await metrics.call([names.daemon, names.keys]) { try await base.keys().map(metered) }
  }

  private func metered(_ key: any ManagedKey) -> any ManagedKey {
    MeteredKey(base: key, counter: [names.daemon, "sign_data"], metrics: metrics)
  }
}

/// A key whose signatures are counted.
private struct MeteredKey: ManagedKey {
  let base: any ManagedKey
  let counter: [String]
  let metrics: Metrics

  var id: String { base.id }
  var type: KeyType { base.type }
  var publicKey: PublicKey { base.publicKey }
  var signsInline: Bool { base.signsInline }

  func signNow(_ message: [UInt8], algorithm: SignatureAlgorithm) throws -> [UInt8] {
    let call = metrics.startCall(counter)
    do {
      let signature = try base.signNow(message, algorithm: algorithm)
      call.done()
      return signature
    } catch {
      call.done(error: error)
      throw error
    }
  }

  func sign(_ message: [UInt8], algorithm: SignatureAlgorithm) async throws -> [UInt8] {
    try await metrics.call(counter) { try await base.sign(message, algorithm: algorithm) }
  }
}
