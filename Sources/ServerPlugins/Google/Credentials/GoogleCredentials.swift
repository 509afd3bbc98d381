import Daemon
import FoundationEssentials
import HTTP
import Keys
import SPIFFE

/// A file of Google's Application Default Credentials: whom Google's services are asked as. Holds a secret; never printed.
enum GoogleCredentials: Sendable {
  case account(GoogleAccount)
  /// Somebody who logged in with Google's tools (`gcloud auth application-default login`).
  case user(clientID: String, clientSecret: String, refreshToken: String)
  /// Somebody whom another platform vouches for.
  case external(GoogleExternalAccount)
  /// A service account that the one of other credentials may be.
  indirect case impersonated(GoogleImpersonation, source: GoogleCredentials)

  /// What is wrong with a file.
  struct Fault: Error {
    let text: String
    init(_ text: String) { self.text = text }
  }

  static let tokenURL = "https://oauth2.googleapis.com/token"
  /// The scope that asking for another account's token takes.
  static let platformScope = "https://www.googleapis.com/auth/cloud-platform"
  private static let maximumFile = 64 << 10

  /// - Parameter accountsOnly: where the configuration says that the file is a service account's.
  static func read(_ path: String, accountsOnly: Bool) async throws(ServerPluginError) -> GoogleCredentials {
    let what = accountsOnly ? "the service account file" : "the credentials file"
    let result: Result<GoogleCredentials, Fault>
    do {
      result = try await BackgroundWork.run {
        Result { () throws(Fault) in try GoogleCredentials(path: path, accountsOnly) }
      }
    } catch { throw ServerPluginError(.unavailable, "\(error)", cause: HTTPFailure.cancelled) }
    do { return try result.get() } catch { throw ServerPluginError(.internal, "\(what) \(path) \(error.text)") }
  }

  private init(path: String, _ accountsOnly: Bool) throws(Fault) {
    let bytes: [UInt8]?
    do { bytes = try BoundedFile.read(path, limit: Self.maximumFile) } catch {
      throw Fault("cannot be read: \(error)")
    }
    guard let bytes else { throw Fault("is not there") }
    guard let document = try? JSONValue(parsing: bytes) else { throw Fault("is no JSON") }
    if accountsOnly, let type = document["type"]?.string, type != "service_account" {
      throw Fault("is of the type \(GoText.quote(String(type.prefix(64)))), which is not supported")
    }
    try self.init(document)
  }

  init(_ document: JSONValue) throws(Fault) {
    let universe = document["universe_domain"]?.string ?? ""
    guard universe.isEmpty || universe == "googleapis.com" else {
      throw Fault("is of the universe \(GoText.quote(String(universe.prefix(64)))), which is not supported")
    }
    switch document["type"]?.string ?? "" {
    case "service_account": self = .account(try GoogleAccount(document))
    case "authorized_user":
      guard let id = document["client_id"]?.string, let secret = document["client_secret"]?.string,
        let token = document["refresh_token"]?.string
      else { throw Fault("lacks client_id, client_secret or refresh_token") }
      self = .user(clientID: id, clientSecret: secret, refreshToken: token)
    case "external_account": self = .external(try GoogleExternalAccount(document))
    case "impersonated_service_account":
      guard let inner = document["source_credentials"], let impersonation = try GoogleImpersonation(document) else {
        throw Fault("lacks source_credentials or service_account_impersonation_url")
      }
      guard inner["type"]?.string != "impersonated_service_account" else {
        throw Fault("has source_credentials that are impersonated themselves, which is not supported")
      }
      self = .impersonated(impersonation, source: try GoogleCredentials(inner))
    case let type:
      // external_account_authorized_user, gdch_service_account, and what is none.
      throw Fault("is of the type \(GoText.quote(String(type.prefix(64)))), which is not supported")
    }
  }

  /// As Google's files name it.
  var type: String {
    switch self {
    case .account: "service_account"
    case .user: "authorized_user"
    case .external: "external_account"
    case .impersonated: "impersonated_service_account"
    }
  }

  func token(_ scope: String, _ web: GoogleWeb) async throws(ServerPluginError) -> GoogleToken {
    switch self {
    case .account(let account): return try await account.token(scope, web)
    case .user(let id, let secret, let token):
      let form = [
        ("grant_type", "refresh_token"), ("client_id", id), ("client_secret", secret), ("refresh_token", token),
      ]
      return try GoogleToken(try await web.json(GoogleForm.request(try web.google.url(Self.tokenURL), form)))
    case .external(let account): return try await account.token(scope, web)
    case .impersonated(let impersonation, let source):
      return try await impersonation.token(scope, by: try await source.token(Self.platformScope, web), web)
    }
  }
}
