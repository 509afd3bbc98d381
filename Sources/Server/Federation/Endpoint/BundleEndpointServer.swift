import Authority
import Daemon
import Logging
import NIOCore
import SPIFFE
import ServiceLifecycle
import TLS
import WebCertificates

/// Serves this trust domain's bundle to others (server-behaviour §9.1, SPIFFE Federation §5). A service.
///
/// Anybody may ask; a page costs one look at the bundle cache, and connections are bounded and short by
/// ``HTTPListener``. Each connection gets a TLS context of its own: what is presented is that of the moment, and nothing
/// is resumed.
struct BundleEndpointServer: Service {
  private let listener: HTTPListener
  private let certificate: BundleEndpointCertificate
  private let logger: Logger
  private let address: String

  /// - Parameter acme: the certificates of the profile `https_web` with `acme`.
  /// - Throws: ``CertificateFiles/Unusable`` for `https_web`.
  init(
    _ settings: BundleEndpointSettings, trustDomain: TrustDomain, bundles: BundleCache, svid: ServerSVIDRotator,
    policy: TLSPolicy = TLSPolicy(), acme: ACMECertificates? = nil, time: any TimeSource, logger: Logger
  ) throws {
    certificate = try BundleEndpointCertificate(settings, svid: svid, acme: acme, time: time, logger: logger)
    let page = BundlePage(
      trustDomain: trustDomain, bundles: bundles, refreshHint: settings.refreshHint, logger: logger)
    listener = HTTPListener(
      host: settings.address, port: settings.port,
      prepare: { [certificate] channel in try certificate.prepare(channel, policy: policy) },
      whenListening: { address in
        logger.info("Serving bundle endpoint", metadata: ["addr": "\(address)"])
      },
      page: { request in await page.answer(request) })
    self.logger = logger
    address =
      settings.address.contains(":") ? "[\(settings.address)]:\(settings.port)" : "\(settings.address):\(settings.port)"
  }

  /// The port that it listens on, once it does. For one caller.
  var boundPort: Int? { get async { await listener.boundPort } }

  func run() async throws {
    do {
      try await withThrowingTaskGroup { group in
        if case .files(let files) = certificate { group.addTask { try await files.run() } }
        if case .acme(let acme, let challenges) = certificate {
          await acme.load()
          if let challenges { group.addTask { try await challenges.run() } }
        }
        group.addTask { try await listener.run() }
        if case .acme(let acme, _) = certificate { group.addTask { try await acme.run() } }
        _ = try await group.nextResult()?.get()
        group.cancelAll()
      }
    } catch let error as IOError {
      throw ServerError(.bundleEndpoint, "bundle endpoint cannot listen on \(address): \(error)", cause: error)
    }
  }
}
