import Authority
import Daemon
import Logging
import NIOCore
import NIOSSL
import TLS
import WebCertificates

/// What the bundle endpoint presents, by its profile: a value, made with ``BundleEndpointServer``, which runs what keeps it
/// up to date.
enum BundleEndpointCertificate: Sendable {
  /// `https_spiffe`: the server's own SVID.
  case svid(ServerSVIDRotator)
  /// `https_web` with files.
  case files(CertificateFiles)
  /// `https_web` with certificates of a public authority, and the listener for challenges over HTTP.
  case acme(ACMECertificates, challenges: HTTPListener?)

  /// - Parameter acme: the certificates of the profile `https_web` with `acme`.
  /// - Throws: ``CertificateFiles/Unusable`` for `https_web` with files.
  init(
    _ settings: BundleEndpointSettings, svid: ServerSVIDRotator, acme: ACMECertificates?, time: any TimeSource,
    logger: Logger
  ) throws {
    switch settings.profile {
    case .httpsSPIFFE: self = .svid(svid)
    case .httpsWeb(let certificateFile, let keyFile, let interval):
      self = .files(
        try CertificateFiles(
          of: "bundle endpoint", certificateFile: certificateFile, keyFile: keyFile, interval: interval, time: time,
          logger: logger))
    case .httpsWebACME(let wanted):
      guard let acme else { throw ServerError(.bundleEndpoint, "the bundle endpoint has no certificate") }
      self = .acme(
        acme, challenges: wanted.httpChallenges.map { ChallengeListener.make($0.listener, board: acme.board) })
    }
  }

  /// Gives a new connection its TLS, with what is to be presented at this moment.
  func prepare(_ channel: any Channel, policy: TLSPolicy) throws {
    switch self {
    case .svid(let svid):
      let current = svid.current
      try Self.serve(
        channel, policy,
        .makeServerConfiguration(
          certificateChain: try current.chain.map { .certificate(try NIOSSLCertificate(bytes: $0, format: .der)) },
          privateKey: .privateKey(try NIOSSLPrivateKey(bytes: current.privateKey, format: .der))))
    case .files(let files):
      let pair = files.current
      try Self.serve(
        channel, policy,
        .makeServerConfiguration(
          certificateChain: pair.chain.map { .certificate($0) }, privateKey: .privateKey(pair.key)))
    case .acme(let acme, _):
      try channel.pipeline.syncOperations.addHandler(
        ClientHelloHandler { hello in
          guard var configuration = try acme.configuration(for: hello) else { return nil }
          // The authority that looks at a challenge decides for itself how.
          if !ChallengeBoard.isChallenge(hello) { policy.apply(to: &configuration) }
          return configuration
        })
    }
  }

  private static func serve(_ channel: any Channel, _ policy: TLSPolicy, _ presented: TLSConfiguration) throws {
    var configuration = presented
    policy.apply(to: &configuration)
    configuration.applicationProtocols = ["http/1.1"]
    try channel.pipeline.syncOperations.addHandler(
      NIOSSLServerHandler(context: try NIOSSLContext(configuration: configuration)))
  }
}
