package import Daemon
package import DatastoreAPI
import FoundationEssentials
package import SPIFFE

/// Fetches bundles over HTTPS: profile `https_web` with the web's authorities, `https_spiffe` with an X509-SVID
/// (SPIFFE Federation §5). A connection and a TLS context per poll; keeps nothing.
package struct HTTPSBundleEndpoint: BundleEndpoint {
  /// Redirections that are followed; each is held to the same TLS rules.
  static let maximumRedirections = 10

  private let roots: WebRoots
  private let exchange: HTTPSExchange
  private let time: any TimeSource

  /// - Parameter deadline: for dialling, and again for each answer.
  package init(
    roots: WebRoots = .system(environment: [:]), deadline: Duration = .seconds(30), time: any TimeSource
  ) {
    self.roots = roots
    self.time = time
    exchange = HTTPSExchange(deadline: deadline, maximumBody: BundleDocument.maximumSize)
  }

  package func fetch(
    _ relationship: FederationRelationship, authorities bundle: Bundle?
  ) async throws(FederationError) -> Bundle {
    let trust = try trust(relationship, bundle)
    func failed(_ error: HTTPSExchange.Failure) -> FederationError {
      FederationError(
        error.isAuthentication ? .unauthenticated : .unreachable,
        "failed to fetch bundle: Get \(GoText.quote(relationship.bundleEndpointURL)): \(error)", cause: error)
    }
    var url: EndpointURL
    do {
      url = try EndpointURL(relationship.bundleEndpointURL)
    } catch {
      throw FederationError(.unreachable, "failed to fetch bundle: bundle endpoint URL \(error)", cause: error)
    }
    var left = Self.maximumRedirections
    while true {
      let answer: HTTPSExchange.Answer
      do { answer = try await exchange.get(url, trust: trust) } catch { throw failed(error) }
      if answer.isRedirection, let location = answer.location {
        guard left > 0 else { throw failed(.protocol("stopped after \(Self.maximumRedirections) redirects")) }
        left -= 1
        do {
          url = try url.redirected(to: location)
        } catch {
          // SPIRE: would also follow to http, where anybody on the way could answer.
          throw failed(.protocol("redirection to \(GoText.quote(location)) refused: it \(error)"))
        }
        continue
      }
      return try read(answer, relationship.trustDomain)
    }
  }

  private func read(_ answer: HTTPSExchange.Answer, _ domain: TrustDomain) throws(FederationError) -> Bundle {
    guard answer.status == 200 else {
      let start = String(decoding: answer.body.prefix(1024), as: UTF8.self)
      throw FederationError(.invalidAnswer, "unexpected status \(answer.status) fetching bundle: \(start)")
    }
    do {
      return try BundleDocument.decode(answer.body, trustDomain: domain)
    } catch {
      let text = error.code == .malformedJSON ? "failed to decode bundle: \(error)" : "\(error)"
      throw FederationError(.invalidAnswer, text, cause: error)
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
