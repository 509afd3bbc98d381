package import Daemon
package import DatastoreAPI
import FoundationEssentials
package import HTTP
package import SPIFFE

/// Fetches bundles over HTTPS: profile `https_web` with the web's authorities, `https_spiffe` with an X509-SVID
/// (SPIFFE Federation §5). A connection and a TLS context per poll; keeps nothing.
package struct HTTPSBundleEndpoint: BundleEndpoint {
  private let roots: WebRoots
  private let exchange: HTTPExchange
  private let time: any TimeSource

  /// - Parameter deadline: for dialling, and again for each answer.
  package init(
    roots: WebRoots = .system(environment: [:]), deadline: Duration = .seconds(30), time: any TimeSource
  ) {
    self.roots = roots
    self.time = time
    exchange = HTTPExchange(
      deadline: deadline, maximumBody: BundleDocument.maximumSize, accept: "application/json")
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
        error.isAuthentication ? .unauthenticated : .unreachable,
        "failed to fetch bundle: Get \(GoText.quote(relationship.bundleEndpointURL)): \(error)", cause: error)
    }
    return try read(answer, relationship.trustDomain)
  }

  private func read(_ answer: HTTPExchange.Answer, _ domain: TrustDomain) throws(FederationError) -> Bundle {
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
