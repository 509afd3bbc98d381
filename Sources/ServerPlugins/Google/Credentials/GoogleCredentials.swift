import Daemon
import FoundationEssentials
import SPIFFE

/// A file of Google's Application Default Credentials: whom Google's services are asked as. Holds a secret; never printed.
enum GoogleCredentials: Sendable {
  case account(GoogleAccount)
  /// Somebody who logged in with Google's tools (`gcloud auth application-default login`).
  case user(clientID: String, clientSecret: String, refreshToken: String, tokenURL: String)

  /// What is wrong with a file.
  struct Fault: Error {
    let text: String
    init(_ text: String) { self.text = text }
  }

  static let tokenURL = "https://oauth2.googleapis.com/token"
  private static let maximumFile = 64 << 10

  /// - Parameter takesUsers: false where the configuration says that the file is a service account's.
  init(file path: String, takesUsers: Bool) throws(ServerPluginError) {
    do throws(Fault) { self = try Self.read(path, takesUsers) } catch {
      throw ServerPluginError(.internal, "the service account file \(path) \(error.text)")
    }
  }

  private static func read(_ path: String, _ takesUsers: Bool) throws(Fault) -> GoogleCredentials {
    let bytes: [UInt8]?
    do { bytes = try BoundedFile.read(path, limit: maximumFile) } catch { throw Fault("cannot be read: \(error)") }
    guard let bytes else { throw Fault("is not there") }
    guard let document = try? JSONValue(parsing: bytes) else { throw Fault("is no JSON") }
    switch document["type"]?.string ?? "" {
    case "service_account": return .account(try GoogleAccount(document))
    case "authorized_user" where takesUsers:
      guard let id = document["client_id"]?.string, let secret = document["client_secret"]?.string,
        let token = document["refresh_token"]?.string
      else { throw Fault("lacks client_id, client_secret or refresh_token") }
      return .user(clientID: id, clientSecret: secret, refreshToken: token, tokenURL: tokenURL)
    case let type:
      // external_account, impersonated_service_account and the others of their kind.
      throw Fault("is of the type \(GoText.quote(String(type.prefix(64)))), which is not supported")
    }
  }

  /// Where an access token is to be had, and for what form.
  func form(scope: String, at now: Date) throws -> (url: String, body: String) {
    switch self {
    case .account(let account):
      let assertion = try account.assertion(scope: scope, at: now)
      return (
        account.tokenURL,
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=\(assertion)"
      )
    case .user(let id, let secret, let token, let url):
      let fields = [("client_id", id), ("client_secret", secret), ("refresh_token", token)]
      return (
        url,
        "grant_type=refresh_token" + fields.map { "&\($0.0)=\(Self.encode($0.1))" }.joined()
      )
    }
  }

  /// As the value of a form.
  private static func encode(_ text: String) -> String {
    let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      bytes += plain.contains(byte) ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
