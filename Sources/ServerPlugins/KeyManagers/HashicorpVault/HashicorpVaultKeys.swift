import Daemon
import FoundationEssentials
import HCL
import HTTP
import Keys
import Logging
import Plugins
import Synchronization
import TLS

/// The server's key manager `hashicorp_vault`: keys that never leave the transit engine of a Vault (server-plugins §2.4).
///
/// The catalog configures it and runs ``run()``, the CA manager uses it. At its configuration it finds the keys of this
/// server again. A key that was replaced is deleted; where that fails, it is tried again later. A mutex guards the table.
final class HashicorpVaultKeys: KeyManager {
  private struct Settings: Sendable {
    let vault: VaultSettings
    let engine: String
    let identifier: KeyIdentifier
  }
  private struct State: Sendable {
    var client: VaultClient?
    var engine: TransitEngine?
    var server = ""
    var keys: [String: TransitKey] = [:]
    /// Names of keys that are to be deleted.
    var unwanted: [String] = []
  }

  /// Of names that are remembered for deletion; the next start finds the rest.
  private static let maximumUnwanted = 1000
  static let name = "hashicorp_vault"

  private let parts: VaultParts
  private let state = Mutex(State())
  private var logger: Logger { parts.logger }

  init(_ parts: VaultParts) { self.parts = parts }

  static func plugin(
    _ time: any TimeSource, _ tls: TLSPolicy, environment: [String: String]
  ) -> BuiltInPlugin<any KeyManager> {
    BuiltInPlugin(
      name,
      make: {
        HashicorpVaultKeys(VaultParts(environment: environment, time: time, logger: $0.logger, tls: tls))
      },
      configure: { plugin, data in try await (plugin as? HashicorpVaultKeys)?.configure(data) },
      validate: { _ = try settings($0, environment) },
      run: { plugin in try await (plugin as? HashicorpVaultKeys)?.run() })
  }

  /// An error with the name of this key manager, and what was being done, in front.
  static func failure(_ doing: String, _ error: any Error) -> any Error {
    switch error {
    case let error as KeysError: return error.prefixed("keymanager(\(name)): \(doing)")
    case let error as VaultError:
      let code = KeysError.Code(rawValue: error.code.rawValue) ?? .internal
      return KeysError(code, "keymanager(\(name)): \(doing)\(error)", cause: error)
    case is CancellationError: return error
    default: return KeysError(.internal, "keymanager(\(name)): \(doing)\(error)", cause: error)
    }
  }

  // MARK: Configuration

  private static func settings(_ data: PluginData, _ environment: [String: String]) throws -> Settings {
    let decoding = HCLDecoding(try HCLDocument.parse(data.text, file: data.file ?? "plugin_data"))
    var root = decoding.root
    do {
      let identifier = try KeyIdentifier(&root)
      let named = root.string("transit_engine_path")
      let found = environment["VAULT_TRANSIT_ENGINE_PATH"].flatMap { $0.isEmpty ? nil : $0 }
      let settings = Settings(
        vault: try VaultSettings(&root, environment: environment),
        engine: try VaultSettings.mount(found ?? named, "transit"), identifier: identifier)
      try decoding.finish()
      return settings
    } catch let error as VaultError {
      try decoding.finish()
      throw failure("", error)
    }
  }

  func configure(_ data: PluginData) async throws {
    let settings = try Self.settings(data, parts.environment)
    let client = parts.client(settings.vault).client
    do {
      let server = try await BackgroundWork.run { try settings.identifier.resolved() }
      let engine = TransitEngine(client: client, path: settings.engine)
      let found = try await Self.find(engine, server)
      state.withLock { state in
        state.client = client
        state.engine = engine
        state.server = server
        state.keys = found.keys
        state.unwanted = found.unwanted
      }
      logger.debug("Keys found in Vault", metadata: ["count": "\(found.keys.count)", "key_identifier": "\(server)"])
    } catch {
      throw Self.failure("", error)
    }
    await dispose()
  }

  /// The keys of this server, the newest of each id, and the names of older ones.
  private static func find(
    _ engine: TransitEngine, _ server: String
  ) async throws -> (keys: [String: TransitKey], unwanted: [String]) {
    var keys: [String: TransitKey] = [:]
    var unwanted: [String] = []
    for name in try await engine.names() {
      guard let parts = TransitKeyName(name, of: server) else { continue }
      let key = TransitKey(parts, try await engine.read(name), engine)
      if let other = keys[parts.id], (other.createdAt, other.name) >= (key.createdAt, key.name) {
        unwanted.append(name)
      } else {
        if let other = keys.updateValue(key, forKey: parts.id) { unwanted.append(other.name) }
      }
    }
    return (keys, unwanted)
  }

  // MARK: KeyManager

  private func configured() throws -> (engine: TransitEngine, server: String) {
    let (engine, server) = state.withLock { ($0.engine, $0.server) }
    guard let engine else { throw KeysError(.failedPrecondition, "keymanager(\(Self.name)): not configured") }
    return (engine, server)
  }

  func generateKey(id: String, type: KeyType) async throws -> any ManagedKey {
    let (engine, server) = try configured()
    guard !id.isEmpty else {
      throw Self.failure("failed to generate key: ", KeysError(.invalidArgument, "key id is required"))
    }
    guard TransitKeyName.isUsable(id) else {
      throw Self.failure(
        "failed to generate key: ", KeysError(.invalidArgument, "key id \"\(id)\" cannot be a name in Vault"))
    }
    let parts = TransitKeyName(server: server, uuid: RandomUUID.text(), id: id)
    let key: TransitKey
    do {
      try await engine.create(parts.description, type)
      key = TransitKey(parts, try await engine.read(parts.description), engine)
      guard key.type == type else {
        throw VaultError(.badAnswer, "Vault made a key of type \(key.type.rawValue), and not \(type.rawValue)")
      }
    } catch {
      // Whether it was made or not: at the next start it must not be taken for the newest.
      discard([parts.description])
      throw Self.failure("failed to generate key: ", error)
    }
    let old = state.withLock { $0.keys.updateValue(key, forKey: id) }
    if let old {
      discard([old.name])
      await dispose()
    }
    return key
  }

  func key(id: String) async throws -> (any ManagedKey)? {
    _ = try configured()
    return state.withLock { $0.keys[id] }
  }

  func keys() async throws -> [any ManagedKey] {
    _ = try configured()
    return state.withLock { $0.keys.values.sorted { $0.id < $1.id } }
  }

  // MARK: Keys that are not needed any more

  private func discard(_ names: [String]) {
    state.withLock { state in
      guard state.unwanted.count < Self.maximumUnwanted else { return }
      state.unwanted += names
    }
  }

  /// Deletes what is to be deleted. What fails is logged and stays for the next time.
  func dispose() async {
    let (engine, names) = state.withLock { state in
      defer { state.unwanted = [] }
      return (state.engine, state.unwanted)
    }
    guard let engine else { return }
    for (index, name) in names.enumerated() {
      do {
        try await engine.delete(name)
        logger.debug("Key deleted", metadata: ["key_name": "\(name)"])
      } catch {
        discard(Array(names[index...]))
        logger.warning(
          "Unable to delete a key that is not needed any more; it is tried again",
          metadata: ["error": "\(error)", "key_name": "\(name)"])
        return
      }
    }
  }

  /// Keeps the token going and deletes what could not be deleted before, until the task is cancelled.
  func run() async throws {
    while true {
      try await parts.time.sleep(for: await state.withLock { $0.client }?.tend() ?? VaultClient.idle)
      await dispose()
    }
  }
}

extension TransitKey {
  init(_ name: TransitKeyName, _ found: TransitEngine.Description, _ engine: TransitEngine) {
    self.init(
      id: name.id, type: found.type, publicKey: found.publicKey, name: name.description, createdAt: found.createdAt,
      engine: engine)
  }
}
