import Daemon
import FoundationEssentials
import HTTP
import SPIFFE

/// A service account whose tokens somebody else may ask for (IAM Credentials, generateAccessToken). A value.
struct GoogleImpersonation: Sendable {
  private static let prefix = "/v1/projects/-/serviceAccounts/"
  private static let suffix = ":generateAccessToken"

  let url: WebURL
  /// The accounts on the way, each of which may ask for the next.
  let delegates: [String]
  let seconds: Int64

  /// - Returns: nil for a file that names no account.
  init?(_ document: JSONValue) throws(GoogleCredentials.Fault) {
    guard let text = document["service_account_impersonation_url"]?.string, !text.isEmpty else { return nil }
    url = try GoogleHosts.url(text, "service_account_impersonation_url", service: "iamcredentials")
    delegates = document["delegates"]?.array?.compactMap(\.string) ?? []
    let asked = document["service_account_impersonation"]?["token_lifetime_seconds"]?.integer ?? 0
    seconds = asked == 0 ? 3600 : asked
    guard email != nil else {
      throw GoogleCredentials.Fault("has a service_account_impersonation_url that names no service account")
    }
    guard (1...43200).contains(seconds) else {
      throw GoogleCredentials.Fault("has token_lifetime_seconds that are no time of 12 hours at most")
    }
  }

  /// The account.
  var email: String? {
    guard url.target.hasPrefix(Self.prefix), url.target.hasSuffix(Self.suffix) else { return nil }
    let email = url.target.dropFirst(Self.prefix.count).dropLast(Self.suffix.count)
    let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789-_.@:%".utf8)
    return email.utf8.allSatisfy(allowed.contains) && (email.contains("@") || email.contains("%40"))
      ? String(email) : nil
  }

  func token(
    _ scope: String, by source: GoogleToken, _ web: GoogleWeb
  ) async throws(ServerPluginError) -> GoogleToken {
    var body: JSONObject = ["lifetime": .string("\(seconds)s"), "scope": [.string(scope)]]
    if !delegates.isEmpty { body["delegates"] = .array(delegates.map { .string($0) }) }
    let answer = try await web.json(
      HTTPRequest(
        .post, url,
        headers: [
          HTTPField("Content-Type", "application/json"), HTTPField("Authorization", "Bearer \(source.text)"),
        ], body: JSONValue.object(body).encoded()))
    guard let end = answer["expireTime"]?.string.flatMap({ GoTime.parseRFC3339($0) }) else {
      throw ServerPluginError(.internal, "Google answers without the end of an access token")
    }
    let life = min(max(end.timeIntervalSince(web.time.now), 0), 86400)
    return try GoogleToken(answer["accessToken"]?.string, seconds: Int64(life))
  }
}
