import Daemon
import FoundationEssentials
import HTTP
import SPIFFE

/// Fetches keys in the forms in which platforms publish them. A value.
struct PlatformKeyFetcher: Sendable {
  let security: HTTPSecurity
  private let client = AttestorHTTP(.platformKeys)

  init(security: HTTPSecurity) { self.security = security }

  /// A JSON object of PEM certificates by key ID, as Google publishes them.
  func certificates(
    _ url: WebURL, now: Date
  ) async throws(ServerPluginError) -> (keys: [String: PublicKey], lifetime: Duration) {
    let (answer, document) = try await json(url)
    var keys: [String: PublicKey] = [:]
    for member in document.object?.members ?? [] {
      guard let pem = member.value.string, let der = try? PEM.decode(pem, type: "CERTIFICATE").first,
        let certificate = try? X509Certificates.parse(der: der),
        let key = try? X509Certificates.publicKey(of: certificate)
      else { throw Self.failure("\(url) answers with what is no certificate") }
      keys[member.name] = key
    }
    guard !keys.isEmpty else { throw Self.failure("\(url) answers without keys") }
    return (keys, Self.lifetime(answer, now))
  }

  /// The JWK set that an OpenID provider's metadata names.
  func openID(
    _ url: WebURL, now: Date
  ) async throws(ServerPluginError) -> (keys: [String: PublicKey], lifetime: Duration) {
    let (_, metadata) = try await json(url)
    guard let text = metadata["jwks_uri"]?.string, let place = try? WebURL(anyScheme: text), place.scheme == url.scheme
    else { throw Self.failure("\(url) answers without a jwks_uri") }
    let (answer, document) = try await json(place)
    var keys: [String: PublicKey] = [:]
    for item in document["keys"]?.array ?? [] {
      // Sets also hold keys for other things, of types that are not known here.
      guard let object = item.object, let key = try? JSONWebKey(object), let id = key.keyID else { continue }
      keys[id] = key.key
    }
    guard !keys.isEmpty else { throw Self.failure("\(place) answers without keys") }
    return (keys, Self.lifetime(answer, now))
  }

  private func json(_ url: WebURL) async throws(ServerPluginError) -> (HTTPAnswer, JSONValue) {
    let answer: HTTPAnswer
    do { answer = try await client.send(HTTPRequest(.get, url), over: .named(by: url, security)) } catch {
      throw Self.failure("Get \(GoText.quote("\(url)")): \(error)")
    }
    guard answer.status == 200 else { throw Self.failure("\(url): unexpected status code: \(answer.status)") }
    do { return (answer, try JSONValue(parsing: answer.body)) } catch {
      throw Self.failure("unable to unmarshal the answer of \(url): \(error)")
    }
  }

  private static func lifetime(_ answer: HTTPAnswer, _ now: Date) -> Duration {
    guard let text = answer.header("Expires"), let expires = HTTPDate.parse(text) else { return .seconds(3600) }
    return .seconds(max(0, Int64(expires.timeIntervalSince(now))))
  }

  private static func failure(_ message: String) -> ServerPluginError {
    ServerPluginError(.unavailable, "unable to retrieve the platform's keys: \(message)")
  }
}
