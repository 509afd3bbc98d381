package import Daemon
import Keys
package import Logging
package import NIOCore
import NIOSSL
package import RPC
package import SPIFFE
import ServiceLifecycle
import Synchronization
package import TLS

/// TLS of the Prometheus listener (`telemetry.Prometheus.tls`): with files of the operator's, which are read again when they
/// change, or with the daemon's own SVID; for everybody, for clients of a CA, or for some SPIFFE IDs. A service.
///
/// Each connection has a context of its own: what is presented and believed is that of the moment, and nothing is resumed.
package final class MetricsTLS: Service {
  /// What the daemon knows about itself and others at the moment.
  package struct Identity: Sendable {
    let credential: @Sendable () throws -> TLSCredential
    let verifier: @Sendable (TrustDomain) async throws -> X509SVIDVerifier?

    /// - Parameters:
    ///   - credential: the daemon's SVID; throws while there is none. Called on event loops.
    ///   - verifier: for SVIDs of a trust domain, the daemon's own or a federated one; nil for others.
    package init(
      credential: @escaping @Sendable () throws -> TLSCredential,
      verifier: @escaping @Sendable (TrustDomain) async throws -> X509SVIDVerifier?
    ) {
      self.credential = credential
      self.verifier = verifier
    }
  }

  /// Why there is no TLS.
  package struct Unusable: Error, CustomStringConvertible {
    package let description: String
  }

  private static let interval = Duration.seconds(10)

  private let files: CertificateFiles?
  private let clientCAFile: String?
  private let clientCAs: Mutex<[[UInt8]]>
  private let authorized: Set<SPIFFEID>
  private let policy: TLSPolicy
  private let identity: Identity
  private let time: any TimeSource
  private let logger: Logger

  /// - Throws: ``Unusable`` with upstream's words.
  package init(
    _ settings: TelemetrySettings.TLS, policy: TLSPolicy, identity: Identity, time: any TimeSource, logger: Logger
  ) throws(Unusable) {
    self.policy = policy
    self.identity = identity
    self.time = time
    self.logger = logger
    clientCAFile = settings.clientCAFile
    do {
      authorized = Set(try settings.authorizedSPIFFEIDs.map { try Self.authorizedID($0) })
      clientCAs = Mutex(try settings.clientCAFile.map { try Self.readAuthorities($0) } ?? [])
      switch settings.credential {
      case .svid: files = nil
      case .files(let certificate, let key):
        files = try CertificateFiles(
          of: "Prometheus listener", certificateFile: certificate, keyFile: key, settings: ("cert_file", "key_file"),
          interval: Self.interval, time: time, logger: logger)
      }
    } catch {
      throw Unusable(description: "failed to create TLS config for Prometheus: \(error)")
    }
  }

  /// Notes what is wrong with `authorized_spiffe_ids`, which the settings keep as text.
  package static func check(_ settings: TelemetrySettings, _ checks: inout ConfigurationChecks) {
    for text in settings.prometheus?.tls?.authorizedSPIFFEIDs ?? [] {
      do { _ = try authorizedID(text) } catch {
        checks.fail(
          "failed to create TLS config for Prometheus: \(error)", key: "telemetry.Prometheus.tls.authorized_spiffe_ids")
      }
    }
  }

  private static func authorizedID(_ text: String) throws(Unusable) -> SPIFFEID {
    do { return try SPIFFEID(text) } catch {
      throw Unusable(description: "invalid authorized SPIFFE ID \(GoText.quote(text)): \(error)")
    }
  }

  private static func readAuthorities(_ path: String) throws -> [[UInt8]] {
    let certificates = try PEMFile.certificates(path, setting: "client_ca_file")
    for certificate in certificates { _ = try NIOSSLCertificate(bytes: certificate, format: .der) }
    return certificates
  }

  /// Puts TLS in front of a connection. Called on its event loop.
  package func prepare(_ channel: any Channel) throws {
    var configuration = try files?.current.configuration ?? WebTLS.configuration(identity.credential())
    policy.apply(to: &configuration)
    configuration.applicationProtocols = ["http/1.1"]
    let pipeline = channel.pipeline.syncOperations
    if !authorized.isEmpty {
      let handler = try WebTLS.serverHandler(configuration, on: channel) { [self] chain in try await verify(chain) }
      return try pipeline.addHandler(handler)
    }
    if clientCAFile != nil {
      let roots = try clientCAs.withLock { $0 }.map { try NIOSSLCertificate(bytes: $0, format: .der) }
      configuration.certificateVerification = .noHostnameVerification
      configuration.trustRoots = .certificates(roots)
    }
    try pipeline.addHandler(try WebTLS.serverHandler(configuration))
  }

  private func verify(_ chain: [[UInt8]]) async throws {
    guard let leaf = chain.first else { throw Unusable(description: "no certificate") }
    let claimed = try X509Certificates.spiffeID(of: try X509Certificates.parse(der: leaf))
    // Before anything is looked up or verified for somebody who would not be let in.
    guard authorized.contains(claimed), let verifier = try await identity.verifier(claimed.trustDomain) else {
      throw Unusable(description: "unexpected ID \(claimed)")
    }
    let svid = try verifier.verify(chain: chain, at: time.now)
    guard authorized.contains(svid.id) else { throw Unusable(description: "unexpected ID \(svid.id)") }
  }

  package func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      if let files { group.addTask { try await files.run() } }
      group.addTask { [self] in
        try await repeating(every: { Self.interval }, time: time) {
          try? await BackgroundWork.run { self.reloadAuthorities() }
        }
      }
      try await group.waitForAll()
    }
  }

  /// Reads `client_ca_file` again; what cannot be used is logged, and the last good ones stay. Blocks.
  func reloadAuthorities() {
    guard let clientCAFile else { return }
    do {
      let read = try Self.readAuthorities(clientCAFile)
      let isNew = clientCAs.withLock { authorities in
        defer { authorities = read }
        return authorities != read
      }
      if isNew { logger.info("Loaded new client CAs of the Prometheus listener") }
    } catch {
      logger.error(
        "Unable to load the client CAs of the Prometheus listener; the last good ones stay in use",
        metadata: ["error": "\(error)"])
    }
  }
}
