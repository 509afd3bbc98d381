package import RPC
import Synchronization

/// The answers to challenges that the authority may come and look for now. The issuer puts them up, listeners show them; a
/// mutex guards the two tables.
package final class ChallengeBoard: Sendable {
  private struct State {
    var credentials: [String: TLSCredential] = [:]
    var pages: [String: String] = [:]
  }

  /// The protocol that a validating client speaks (RFC 8737 §4).
  package static let protocolName = "acme-tls/1"
  /// Where a validating client looks over HTTP (RFC 8555 §8.3); the token follows.
  package static let pathPrefix = "/.well-known/acme-challenge/"

  /// Whether the client is an authority that looks for a proof (RFC 8737 §3).
  package static func isChallenge(_ hello: ClientHello) -> Bool { hello.protocols == [protocolName] }

  private let state = Mutex(State())

  package init() {}

  func show(_ credential: TLSCredential, for domain: String) { state.withLock { $0.credentials[domain] = credential } }
  func show(_ page: String, for token: String) { state.withLock { $0.pages[token] = page } }
  func takeDown(domain: String, token: String) {
    state.withLock { state in
      state.credentials[domain] = nil
      state.pages[token] = nil
    }
  }

  /// The certificate that proves control of a name over TLS.
  package func credential(for domain: String) -> TLSCredential? { state.withLock { $0.credentials[domain] } }

  /// The page that proves it over HTTP.
  package func page(at path: String) -> String? {
    guard path.hasPrefix(Self.pathPrefix) else { return nil }
    return state.withLock { $0.pages[String(path.dropFirst(Self.pathPrefix.count))] }
  }
}
