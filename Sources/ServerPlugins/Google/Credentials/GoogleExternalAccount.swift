import FoundationEssentials
import HTTP
import SPIFFE

/// Somebody whom another platform vouches for (workload and workforce identity federation): that platform's token is
/// exchanged for one of Google's (RFC 8693), and that, where the file says so, for a service account's. Holds a secret; never
/// printed. A value.
struct GoogleExternalAccount: Sendable {
  let audience: String
  let tokenType: String
  let tokenURL: WebURL
  let impersonation: GoogleImpersonation?
  /// `ID:secret`, for federations that want their clients known.
  private let client: (id: String, secret: String)?
  private let userProject: String
  let source: GoogleSubject

  init(_ document: JSONValue) throws(GoogleCredentials.Fault) {
    func text(_ name: String) -> String { document[name]?.string ?? "" }
    (audience, tokenType) = (text("audience"), text("subject_token_type"))
    guard !audience.isEmpty, !tokenType.isEmpty else {
      throw GoogleCredentials.Fault("lacks audience or subject_token_type")
    }
    let url = text("token_url")
    tokenURL = try GoogleHosts.url(
      url.isEmpty ? "https://sts.googleapis.com/v1/token" : url, "token_url", service: "sts")
    impersonation = try GoogleImpersonation(document)
    client = text("client_id").isEmpty ? nil : (text("client_id"), text("client_secret"))
    userProject = text("workforce_pool_user_project")
    let pool = audience.split(separator: "/", omittingEmptySubsequences: false)
    guard
      userProject.isEmpty
        || pool.count > 6 && pool[2] == "iam.googleapis.com" && pool[3] == "locations" && pool[5] == "workforcePools"
    else {
      throw GoogleCredentials.Fault("has workforce_pool_user_project, which is for workforce pools only")
    }
    guard let source = document["credential_source"] else { throw GoogleCredentials.Fault("lacks credential_source") }
    self.source = try GoogleSubject(source)
  }

  func token(_ scope: String, _ web: GoogleWeb) async throws(ServerPluginError) -> GoogleToken {
    let subject = try await source.token(for: self, web)
    guard (1...(64 << 10)).contains(subject.utf8.count) else {
      throw ServerPluginError(.internal, "the subject token is empty or has more than 64 KiB")
    }
    var form = [
      (name: "audience", value: audience),
      (name: "grant_type", value: "urn:ietf:params:oauth:grant-type:token-exchange"),
    ]
    if !userProject.isEmpty, client == nil {
      form.append(("options", JSONValue.object(["userProject": .string(userProject)]).text()))
    }
    form += [
      ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
      ("scope", impersonation == nil ? scope : GoogleCredentials.platformScope), ("subject_token", subject),
      ("subject_token_type", tokenType),
    ]
    var headers: [HTTPField] = []
    if let client {
      headers.append(HTTPField("Authorization", "Basic " + Base64.encode(Array("\(client.id):\(client.secret)".utf8))))
    }
    let token = try GoogleToken(try await web.json(GoogleForm.request(tokenURL, form, headers: headers)))
    guard let impersonation else { return token }
    return try await impersonation.token(scope, by: token, web)
  }
}
