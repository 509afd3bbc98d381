import Daemon
import FoundationEssentials
import HTTP
import Logging
import NIOCore
import WebCertificates

extension ProviderRuntime {
  private static let userAgent = "SPIRE OIDC Discovery Provider"

  /// HTTPS on port 443 with certificates from a public authority, and where challenges are answered over HTTP.
  func acme(
    _ settings: ProviderConfiguration.ACME, _ keys: PublishedKeys
  ) async throws -> [DaemonRunner.Member] {
    let directory: WebURL
    do { directory = try WebURL(settings.directoryURL) } catch {
      throw OIDCError(.listener, "directory_url in the acme configuration section \(error)", cause: error)
    }
    let board = ChallengeBoard()
    let certificates = ACMECertificates(
      ACMESettings(
        directoryURL: directory, email: settings.email, acceptsTerms: true, domains: configuration.domains,
        answersHTTP: settings.httpChallenges != nil),
      store: ACMEStore(folder: settings.cacheDirectory),
      transport: ACMEOverHTTPS(
        roots: .system(environment: ProcessInfo.processInfo.environment), userAgent: Self.userAgent),
      board: board, time: time, logger: logger)
    await certificates.load()
    let https = listener(.anywhere(port: 443), true, keys) { channel in
      try channel.pipeline.syncOperations.addHandler(
        ClientHelloHandler { try certificates.configuration(for: $0) })
    }
    var members: [DaemonRunner.Member] = [.init(service: named(https, ":443"), name: "https")]
    if let address = settings.httpChallenges {
      let challenges = ChallengeListener.make(address.listener, board: board) { [logger] in
        logger.info("Answering HTTP challenges", metadata: ["address": "\($0)"])
      }
      members.append(.init(service: named(challenges, "\(address)"), name: "challenges"))
    }
    // Last, so that somebody listens when the authority comes to look.
    return members + [.init(service: certificates, name: "certificates")]
  }
}
