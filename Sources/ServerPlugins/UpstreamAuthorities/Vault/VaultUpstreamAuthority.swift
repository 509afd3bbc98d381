import Daemon
import FoundationEssentials
import HCL
import HTTP
import Logging
import Plugins
import SPIFFE
import Synchronization
import TLS

/// The upstream authority `vault`: the PKI engine of a Vault signs the server's CA (server-plugins §3).
///
/// The catalog configures it and runs ``run()``; the CA manager asks for CAs. It takes no JWT keys and tells no bundle.
/// A mutex guards what was configured.
final class VaultUpstreamAuthority: UpstreamAuthority {
  private struct State: Sendable {
    var client: VaultClient?
    var mount = ""
  }

  private let parts: VaultParts
  private let state = Mutex(State())

  init(_ parts: VaultParts) { self.parts = parts }

  static func plugin(
    _ time: any TimeSource, _ tls: TLSPolicy, environment: [String: String]
  ) -> BuiltInPlugin<any UpstreamAuthority> {
    BuiltInPlugin(
      "vault",
      make: {
        VaultUpstreamAuthority(VaultParts(environment: environment, time: time, logger: $0.logger, tls: tls))
      },
      configure: { plugin, data in try await (plugin as? VaultUpstreamAuthority)?.configure(data) },
      validate: { _ = try settings($0, environment) },
      run: { plugin in try await (plugin as? VaultUpstreamAuthority)?.run() })
  }

  // MARK: Configuration

  private static func settings(
    _ data: PluginData, _ environment: [String: String]
  ) throws -> (vault: VaultSettings, mount: String) {
    let decoding = HCLDecoding(try HCLDocument.parse(data.text, file: data.file ?? "plugin_data"))
    var root = decoding.root
    do {
      let mount = try VaultSettings.mount(root.string("pki_mount_point"), "pki")
      let vault = try VaultSettings(&root, environment: environment)
      try decoding.finish()
      return (vault, mount)
    } catch let error as VaultError {
      try decoding.finish()
      throw ServerPluginError(error.code, error.message, cause: error)
    }
  }

  /// Vault is not asked yet: a server whose CA is good starts while its Vault is away.
  func configure(_ data: PluginData) async throws {
    let settings = try Self.settings(data, parts.environment)
    let (client, way) = parts.client(settings.vault)
    do { try await way.reload() } catch { throw ServerPluginError(error.code, error.message, cause: error) }
    state.withLock { $0 = State(client: client, mount: settings.mount) }
  }

  // MARK: UpstreamAuthority

  func mintX509CA(csr: [UInt8], ttl: Duration) async throws -> (chain: [[UInt8]], roots: [X509Authority]) {
    let (client, mount) = state.withLock { ($0.client, $0.mount) }
    guard let client else { throw ServerPluginError(.failedPrecondition, "not configured") }
    let request = try VaultSigningRequest(csr: csr, ttl: ttl)
    do {
      let path = "\(mount)/root/sign-intermediate"
      let data = try await client.call(.put, path, request.body).data("PUT \(path)")
      let signed = try VaultSignedCA(data, for: request, at: parts.time.now)
      return (signed.chain, [X509Authority(der: signed.root)])
    } catch let error as VaultError {
      throw ServerPluginError(error.code, "unable to sign the X.509 CA: \(error)", cause: error)
    }
  }

  /// Keeps the token going until the task is cancelled.
  func run() async throws {
    while true { try await parts.time.sleep(for: await state.withLock { $0.client }?.tend() ?? VaultClient.idle) }
  }
}
