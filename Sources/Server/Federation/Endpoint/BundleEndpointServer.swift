import Authority
import Daemon
import Logging
import NIOCore
import NIOSSL
import SPIFFE
import ServiceLifecycle
import Synchronization
import TLS
import WebCertificates

/// Serves this trust domain's bundle to others (server-behaviour §9.1, SPIFFE Federation §5). A service.
///
/// Anybody may ask; a page costs one look at the bundle cache, and connections are bounded and short by
/// ``HTTPListener``. Each connection gets a TLS context of its own: what is presented is that of the moment, and nothing
/// is resumed.
struct BundleEndpointServer: Service {
  private let listener: HTTPListener
  private let files: CertificateFiles?
  private let acme: ACMECertificates?
  private let challenges: HTTPListener?
  private let logger: Logger
  private let address: String

  /// - Parameter acme: the certificates of the profile `https_web` with `acme`.
  /// - Throws: ``CertificateFiles/Unusable`` for `https_web`.
  init(
    _ settings: BundleEndpointSettings, trustDomain: TrustDomain, bundles: BundleCache, svid: ServerSVIDRotator,
    policy: TLSPolicy = TLSPolicy(), acme: ACMECertificates? = nil, time: any TimeSource, logger: Logger
  ) throws {
    let tls: @Sendable () throws -> TLSConfiguration
    self.acme = acme
    var challenges: HTTPListener?
    switch settings.profile {
    case .httpsWebACME(let wanted):
      files = nil
      if let address = wanted.httpChallenges, let acme {
        challenges = ChallengeListener.make(address.listener, board: acme.board)
      }
      tls = { throw ServerError(.bundleEndpoint, "the bundle endpoint has no certificate") }
    case .httpsSPIFFE:
      files = nil
      tls = {
        let current = svid.current
        return .makeServerConfiguration(
          certificateChain: try current.chain.map { .certificate(try NIOSSLCertificate(bytes: $0, format: .der)) },
          privateKey: .privateKey(try NIOSSLPrivateKey(bytes: current.privateKey, format: .der)))
      }
    case .httpsWeb(let certificateFile, let keyFile, let interval):
      let loaded = try CertificateFiles(
        of: "bundle endpoint", certificateFile: certificateFile, keyFile: keyFile, interval: interval, time: time,
        logger: logger)
      files = loaded
      tls = {
        let pair = loaded.current
        return .makeServerConfiguration(
          certificateChain: pair.chain.map { .certificate($0) }, privateKey: .privateKey(pair.key))
      }
    }
    self.challenges = challenges
    let page = BundlePage(
      trustDomain: trustDomain, bundles: bundles, refreshHint: settings.refreshHint, logger: logger)
    listener = HTTPListener(
      host: settings.address, port: settings.port,
      prepare: { channel in
        if let acme {
          return try channel.pipeline.syncOperations.addHandler(
            ClientHelloHandler { hello in
              guard var configuration = try acme.configuration(for: hello) else { return nil }
              // The authority that looks at a challenge decides for itself how.
              if !ChallengeBoard.isChallenge(hello) { policy.apply(to: &configuration) }
              return configuration
            })
        }
        var configuration = try tls()
        policy.apply(to: &configuration)
        configuration.applicationProtocols = ["http/1.1"]
        try channel.pipeline.syncOperations.addHandler(
          NIOSSLServerHandler(context: try NIOSSLContext(configuration: configuration)))
      },
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
        if let files { group.addTask { try await files.run() } }
        await acme?.load()
        if let challenges { group.addTask { try await challenges.run() } }
        group.addTask { try await listener.run() }
        if let acme { group.addTask { try await acme.run() } }
        _ = try await group.nextResult()?.get()
        group.cancelAll()
      }
    } catch let error as IOError {
      throw ServerError(.bundleEndpoint, "bundle endpoint cannot listen on \(address): \(error)", cause: error)
    }
  }
}

/// The one page of the bundle endpoint. Anybody may ask for it as often as they like, so it is written once per bundle. Any
/// thread; a mutex guards the last one.
final class BundlePage: Sendable {
  private let trustDomain: TrustDomain
  private let bundles: BundleCache
  private let refreshHint: Int64
  private let logger: Logger
  private let written = Mutex<(bundle: Bundle, text: String)?>(nil)

  init(trustDomain: TrustDomain, bundles: BundleCache, refreshHint: Int64, logger: Logger) {
    self.trustDomain = trustDomain
    self.bundles = bundles
    self.refreshHint = refreshHint
    self.logger = logger
  }

  func answer(_ request: HTTPListener.Request) async -> HTTPListener.Response {
    // In this order.
    guard request.method == "GET" else { return Self.text(405, "405 method not allowed\n") }
    guard request.path == "/" else { return Self.text(404, "404 page not found\n") }
    do {
      guard let bundle = try await bundles.bundle(of: trustDomain) else {
        throw ServerError(.bundleEndpoint, "the trust domain has no bundle")
      }
      return HTTPListener.Response(status: 200, contentType: "application/json", body: try text(of: bundle))
    } catch {
      logger.error("Unable to retrieve local bundle", metadata: ["error": "\(error)"])
      return Self.text(500, "500 unable to retrieve local bundle\n")
    }
  }

  private func text(of bundle: Bundle) throws -> String {
    if let known = written.withLock({ $0 }), known.bundle == bundle { return known.text }
    let text = try BundleDocument.encode(bundle, refreshHint: refreshHint)
    written.withLock { $0 = (bundle, text) }
    return text
  }

  private static func text(_ status: Int, _ body: String) -> HTTPListener.Response {
    HTTPListener.Response(status: status, contentType: "text/plain; charset=utf-8", body: body)
  }
}
