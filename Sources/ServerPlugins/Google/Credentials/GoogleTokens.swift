import Daemon
import FoundationEssentials
import HTTP
import SPIFFE

extension ServerPluginError: AskedOnceFailure {
  package var isCancellation: Bool { if case .cancelled? = cause as? HTTPFailure { true } else { false } }
  package static var tooManyUnderWay: ServerPluginError {
    ServerPluginError(.unavailable, "too many requests are under way already")
  }
}

/// An access token of Google's, and how long it is good. Holds a secret; never printed. A value.
struct GoogleToken: Sendable {
  let text: String
  let lifetime: Duration

  init(_ text: String?, seconds: Int64) throws(ServerPluginError) {
    guard let text, !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), seconds > 0 else {
      throw ServerPluginError(.internal, "Google answers without an access token")
    }
    self.text = text
    lifetime = .seconds(min(seconds, 86400))
  }

  /// The answer of a token endpoint (RFC 6749 §5.1).
  init(_ answer: JSONValue) throws(ServerPluginError) {
    try self.init(answer["access_token"]?.string, seconds: answer["expires_in"]?.integer ?? 0)
  }
}

/// Access tokens for Google's services, in the order of Application Default Credentials: a named file, what Google's tools
/// left behind, the machine's own metadata server. Kept, renewed before they end, and asked for once for all who need one at
/// once; ``AskedOnce`` isolates what is kept. Shared by the calls of a plugin.
struct GoogleTokens: Sendable {
  private struct Key: Hashable, Sendable {
    var file: String
    var scope: String
  }

  /// Renewed this long before they end: a metadata server keeps its own until four minutes before.
  private static let margin: Duration = .seconds(225)

  private let web: GoogleWeb
  private let kept: AskedOnce<Key, String, ServerPluginError>

  init(_ web: GoogleWeb) {
    self.web = web
    kept = AskedOnce(time: web.time)
  }

  /// - Parameter accountFile: of a service account; empty for what the environment gives.
  func token(accountFile: String, scope: String) async throws(ServerPluginError) -> String {
    let key = key(accountFile, scope)
    return try await kept.renewed(key) { () throws(ServerPluginError) in
      let token = try await fetch(key.file, isAccount: !accountFile.isEmpty, scope)
      return .init(token.text, lifetime: token.lifetime, renewal: token.lifetime - Self.margin)
    }
  }

  func forget(accountFile: String, scope: String) async { await kept.forget(key(accountFile, scope)) }

  private func key(_ accountFile: String, _ scope: String) -> Key {
    Key(file: accountFile.isEmpty ? web.google.credentialsFile : accountFile, scope: scope)
  }

  private func fetch(
    _ file: String, isAccount: Bool, _ scope: String
  ) async throws(ServerPluginError) -> GoogleToken {
    guard !file.isEmpty else { return try await machineToken(scope) }
    let credentials = try await GoogleCredentials.read(file, accountsOnly: isAccount)
    do { return try await credentials.token(scope, web) } catch {
      throw ServerPluginError(
        error.code, "the credentials of \(file) (\(credentials.type)): \(error.message)", cause: error.cause)
    }
  }

  private func machineToken(_ scope: String) async throws(ServerPluginError) -> GoogleToken {
    let url = try web.google.url(
      "\(web.google.metadata)/computeMetadata/v1/instance/service-accounts/default/token?scopes=\(scope)")
    do throws(ServerPluginError) {
      let request = HTTPRequest(.get, url, headers: [HTTPField("Metadata-Flavor", "Google")])
      return try GoogleToken(try await web.json(request, onMachine: true))
    } catch {
      throw ServerPluginError(
        error.code,
        "could not find default credentials: GOOGLE_APPLICATION_CREDENTIALS is not set, gcloud left none, and the "
          + "metadata server gives no token: \(error.message)", cause: error.cause)
    }
  }
}
