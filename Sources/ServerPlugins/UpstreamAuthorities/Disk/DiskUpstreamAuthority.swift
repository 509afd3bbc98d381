import Daemon
import HCL
import Keys
import Logging
import Plugins
import SPIFFE
import Synchronization

/// The upstream authority `disk`: a CA of a company's PKI whose certificate and key are files (server-plugins §3).
///
/// The files are read when it is configured, at every mint, and every 5 s while its bundle is followed, so that a
/// replaced CA is known everywhere before it signs. Files that do not fit together are logged, and the last good ones
/// stay. A mutex guards what was read; files are read beside the cooperative pool.
final class DiskUpstreamAuthority: UpstreamAuthority {
  private struct Settings: Sendable {
    var certificates: String
    var key: String
    var bundle: String
  }
  private struct Contents: Equatable, Sendable {
    var certificates: [[UInt8]]
    var key: [UInt8]
    var bundle: [[UInt8]]?
  }
  private struct State: Sendable {
    var settings: Settings?
    var contents: Contents?
    var loaded: (any LoadedIntermediate)?
    /// The last problem that was logged, so that it is logged once.
    var problem: String?
  }

  /// How often files are looked at while the bundle is followed.
  static let interval = Duration.seconds(5)

  private let signer: any IntermediateSigner
  private let time: any TimeSource
  private let logger: Logger
  private let state = Mutex(State())

  init(signer: any IntermediateSigner, time: any TimeSource, logger: Logger) {
    self.signer = signer
    self.time = time
    self.logger = logger
  }

  static func plugin(_ signer: any IntermediateSigner, _ time: any TimeSource) -> BuiltInPlugin<any UpstreamAuthority> {
    BuiltInPlugin(
      "disk", make: { DiskUpstreamAuthority(signer: signer, time: time, logger: $0.logger) },
      configure: { plugin, data in try await (plugin as? DiskUpstreamAuthority)?.configure(data) },
      validate: { _ = try settings($0) })
  }

  // MARK: Configuration

  /// What the configuration says, without a look at the files.
  private static func settings(_ data: PluginData) throws -> Settings {
    let decoding = HCLDecoding(try HCLDocument.parse(data.text, file: data.file ?? "plugin_data"))
    var root = decoding.root
    let settings = Settings(
      certificates: root.string("cert_file_path") ?? "", key: root.string("key_file_path") ?? "",
      bundle: root.string("bundle_file_path") ?? "")
    try decoding.finish()
    guard !settings.certificates.isEmpty, !settings.key.isEmpty else {
      throw ServerPluginError(.invalidArgument, "'cert_file_path' and 'key_file_path' must be set and not empty")
    }
    return settings
  }

  func configure(_ data: PluginData) async throws {
    let settings = try Self.settings(data)
    let contents = try await Self.read(settings)
    let loaded = try load(contents)
    state.withLock { $0 = State(settings: settings, contents: contents, loaded: loaded) }
  }

  private func load(_ contents: Contents) throws -> any LoadedIntermediate {
    do {
      return try signer.load(
        certificates: contents.certificates, privateKey: contents.key, bundle: contents.bundle)
    } catch {
      throw ServerPluginError(.invalidArgument, "unable to load upstream CA: \(error)", cause: error)
    }
  }

  // MARK: Files

  private static func read(_ settings: Settings) async throws -> Contents {
    do {
      return try await BackgroundWork.run {
        Contents(
          certificates: try PEMFile.certificates(settings.certificates, setting: "cert_file_path"),
          key: try PEMFile.privateKey(settings.key, setting: "key_file_path"),
          bundle: settings.bundle.isEmpty
            ? nil : try PEMFile.certificates(settings.bundle, setting: "bundle_file_path"))
      }
    } catch {
      throw ServerPluginError(.invalidArgument, "unable to load upstream CA: \(error)", cause: error)
    }
  }

  /// Reads the files again. What is wrong with them is logged once, and the last good CA stays.
  private func reload() async -> (any LoadedIntermediate)? {
    guard let settings = state.withLock(\.settings) else { return nil }
    do {
      let contents = try await Self.read(settings)
      if contents == state.withLock(\.contents) {
        state.withLock { $0.problem = nil }
        return state.withLock(\.loaded)
      }
      let loaded = try load(contents)
      state.withLock { state in
        state.contents = contents
        state.loaded = loaded
        state.problem = nil
      }
      logger.info("Upstream CA loaded again", metadata: ["cert_file_path": "\(settings.certificates)"])
      return loaded
    } catch {
      let text = "\(error)"
      let isNew = state.withLock { state in
        defer { state.problem = text }
        return state.problem != text
      }
      if isNew {
        logger.error("Unable to load upstream CA; the last good one stays in use", metadata: ["error": "\(text)"])
      }
      return state.withLock(\.loaded)
    }
  }

  // MARK: UpstreamAuthority

  func mintX509CA(csr: [UInt8], ttl: Duration) async throws -> (chain: [[UInt8]], roots: [X509Authority]) {
    guard let loaded = await reload() else { throw ServerPluginError(.failedPrecondition, "not configured") }
    return try await loaded.mintX509CA(csr: csr, ttl: ttl)
  }

  func followBundle(_ changed: @escaping @Sendable (UpstreamAuthorities.Bundle) async -> Void) async throws {
    var last: [X509Authority] = []
    while true {
      if let loaded = await reload(), loaded.roots != last {
        last = loaded.roots
        await changed(.init(x509Authorities: last))
      }
      try await time.sleep(for: Self.interval)
    }
  }
}
