package import Daemon
package import DatastoreAPI
import FoundationEssentials
package import HTTP
package import Logging
package import SPIFFE
package import TLS

/// Fetches bundles over HTTPS: profile `https_web` with the web's authorities, `https_spiffe` with an X509-SVID
/// (SPIFFE Federation §5). A connection and a TLS context per poll, always from the configured URL; keeps nothing.
package struct HTTPSBundleEndpoint: BundleEndpoint {
  /// Redirections that are followed; each is held to the same rules.
  static let maximumRedirections = 5

  private let roots: WebRoots
  private let exchange: HTTPExchange
  private let time: any TimeSource
  private let logger: Logger

  /// - Parameters:
  ///   - deadline: for dialling, and again for each answer.
  ///   - logger: with the subsystem `bundle_client`.
  package init(
    roots: WebRoots = .system(environment: [:]), deadline: Duration = .seconds(30), tls: TLSPolicy = TLSPolicy(),
    time: any TimeSource, logger: Logger
  ) {
    self.roots = roots
    self.time = time
    self.logger = logger
    exchange = HTTPExchange(
      deadline: deadline, maximumBody: BundleDocument.maximumSize, accept: "application/json",
      maximumRedirections: Self.maximumRedirections, tls: tls)
  }

  package func fetch(
    _ relationship: FederationRelationship, authorities bundle: Bundle?
  ) async throws(FederationError) -> Bundle {
    let trust = try trust(relationship, bundle)
    let url: WebURL
    do { url = try WebURL(relationship.bundleEndpointURL) } catch {
      throw FederationError(.unreachable, "failed to fetch bundle: bundle endpoint URL \(error)", cause: error)
    }
    let answer: HTTPExchange.Answer
    do { answer = try await exchange.get(url, over: .https(trust)) } catch {
      throw FederationError(
        Self.code(error),
        "failed to fetch bundle: Get \(GoText.quote(relationship.bundleEndpointURL)): \(error)", cause: error)
    }
    return try read(answer, relationship.trustDomain)
  }

  private static func code(_ failure: HTTPExchange.Failure) -> FederationError.Code {
    switch failure {
    case .unreachable, .protocol: .unreachable
    case .authentication: .unauthenticated
    case .redirection: .redirected
    case .tooLarge: .tooLarge
    case .timeout, .cancelled: .timeout
    }
  }

  private func read(_ answer: HTTPExchange.Answer, _ domain: TrustDomain) throws(FederationError) -> Bundle {
    guard answer.status == 200 else {
      let start = String(decoding: answer.body.prefix(1024), as: UTF8.self)
      throw FederationError(.malformed, "unexpected status \(answer.status) fetching bundle: \(start)")
    }
    var ignored: [String] = []
    let bundle: Bundle
    do {
      // SPIRE: refuses the document for one entry that it does not know; the standard says to ignore that entry.
      bundle = try BundleDocument.decode(
        answer.body, trustDomain: domain, reading: .standard, ignoring: { ignored.append($0) })
    } catch {
      let text = error.code == .malformedJSON ? "failed to decode bundle: \(error)" : "\(error)"
      throw FederationError(.malformed, text, cause: error)
    }
    try Self.checkOwner(of: bundle)
    if !ignored.isEmpty {
      logger.debug(
        "Bundle document has entries that are not used",
        metadata: ["trust_domain": "\(domain)", "entries": "\(ignored.prefix(20).joined(separator: "; "))"])
    }
    return bundle
  }

  /// A document does not name its trust domain, but most authorities have SPIFFE IDs (X509-SVID §3.2).
  private static func checkOwner(of bundle: Bundle) throws(FederationError) {
    for authority in bundle.x509Authorities {
      let names = (try? X509Certificates.uriNames(of: X509Certificates.parse(der: authority.der))) ?? []
      for id in names.compactMap({ try? SPIFFEID($0) }) where id.trustDomain != bundle.trustDomain {
        throw FederationError(
          .otherTrustDomain,
          "the document is not a bundle of \(GoText.quote(bundle.trustDomain.name)): it holds an authority of "
            + "\(GoText.quote(id.trustDomain.name)); check the relationship's bundle endpoint URL")
      }
    }
  }

  private func trust(
    _ relationship: FederationRelationship, _ bundle: Bundle?
  ) throws(FederationError) -> ServerTrust {
    switch relationship.profile {
    case .httpsWeb: return .web(roots)
    case .httpsSPIFFE(let id):
      guard let bundle, bundle.trustDomain == id.trustDomain else {
        throw FederationError(
          .unauthenticated, "can't perform SPIFFE Authentication: local copy of bundle not found")
      }
      let time = time
      return .spiffe(id: id, verifier: X509SVIDVerifier(bundle: bundle), now: { time.now })
    }
  }
}
