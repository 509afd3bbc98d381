import Daemon
import FoundationEssentials
import Logging
import SPIFFE
import Synchronization

/// The keys that are served now, and how fresh they are. A source's poller writes it, requests and health read it; a mutex
/// guards the state.
final class PublishedKeys: Sendable {
  /// The key set as it is served, written once per change.
  struct Page: Sendable {
    /// JSON, indented by two spaces.
    let body: String
    /// How many keys it has.
    let count: Int
    /// When the set changed last.
    let modified: Date
  }

  private struct State {
    var authorities: [JWTAuthority]?
    var page: Page?
    var lastSuccess: Duration?
  }

  private let setsKeyUse: Bool
  private let time: any TimeSource
  private let logger: Logger
  private let state = Mutex(State())

  init(setsKeyUse: Bool, time: any TimeSource, logger: Logger) {
    self.setsKeyUse = setsKeyUse
    self.time = time
    self.logger = logger
  }

  /// Nil until a source has delivered.
  var page: Page? { state.withLock { $0.page } }

  /// How long ago the source last delivered; nil if it never did.
  var age: Duration? { state.withLock { $0.lastSuccess }.map { time.steady - $0 } }

  /// Takes what a source delivered: all keys of the trust domain.
  func publish(_ authorities: [JWTAuthority]) {
    let isNew = state.withLock { state in
      state.lastSuccess = time.steady
      return state.authorities != authorities
    }
    guard isNew else { return }
    let page = write(authorities)
    state.withLock { state in
      state.authorities = authorities
      // What changed need not be part of the page: a time, a taint.
      if state.page?.body != page.body { state.page = page }
    }
  }

  private func write(_ authorities: [JWTAuthority]) -> Page {
    var keys: [JSONValue] = []
    for authority in authorities {
      do {
        let key = try PublicKey(pkix: authority.publicKey)
        let algorithm = JWSAlgorithm(signingWith: key.keyType)
        keys.append(
          .object(
            JSONWebKey(
              key: key, use: setsKeyUse ? "sig" : nil, keyID: authority.keyID, algorithm: algorithm.rawValue
            ).json))
      } catch {
        logger.warning(
          "Malformed public key in bundle", metadata: ["kid": "\(authority.keyID)", "error": "\(error)"])
      }
    }
    let body = JSONValue.object(["keys": .array(keys)]).text(JSONStyle(indentation: 2))
    return Page(body: body, count: keys.count, modified: time.now)
  }
}
