import Daemon
import FoundationEssentials
import HTTP
import Keys
import SPIFFE

/// Asks Azure's token service for tokens of applications and users (RFC 6749 §4.3, §4.4; RFC 7523 §2.2). A value.
struct AzureLogin {
  private static let maximumFile = 64 << 10
  private static let scope = AzureTokens.resource + "/.default"

  let web: AzureWeb

  func secret(_ tenant: String, _ application: String, _ secret: String) async throws(AzureError) -> AzureToken {
    try await applicationToken(tenant, [("client_id", application), ("client_secret", secret)])
  }

  func certificate(
    _ tenant: String, _ application: String, _ file: AzureCertificateFile
  ) async throws(AzureError) -> AzureToken {
    let (audience, now) = (try endpoint(tenant).description, web.time.now)
    let signed: Result<String, AzureError>
    do {
      signed = try await BackgroundWork.run {
        Result { () throws(AzureError) in
          try AzureCertificate(file).assertion(
            application: application, audience: audience, id: UUID(), at: now, sendsChain: file.sendsChain)
        }
      }
    } catch { throw AzureError(.cancelled, "context canceled") }
    return try await assertion(tenant, application, try signed.get())
  }

  func tokenFile(_ tenant: String, _ application: String, _ path: String) async throws(AzureError) -> AzureToken {
    try await assertion(tenant, application, try await Self.assertion(path))
  }

  /// Of a user whom the tenant itself knows; a password is not sent to anybody else.
  func password(
    _ tenant: String, _ application: String, _ user: String, _ password: String
  ) async throws(AzureError) -> AzureToken {
    let endpoint = try endpoint(tenant)
    let path = "/common/UserRealm/\(AzureName.encoded(user))?api-version=1.0"
    let realm = try await web.json(HTTPRequest(.get, try web.places.authority(path)))["account_type"]?.string ?? ""
    guard realm == "Managed" else {
      throw AzureError(
        .refused,
        realm == "Federated"
          ? "AZURE_USERNAME is a user of a federated identity provider, whose passwords are not supported"
          : "AZURE_USERNAME is no user of the tenant")
    }
    return try await form(
      endpoint,
      [
        ("grant_type", "password"), ("scope", Self.scope + " openid offline_access profile"),
        ("client_id", application), ("client_info", "1"), ("username", user), ("password", password),
      ])
  }

  private func assertion(
    _ tenant: String, _ application: String, _ text: String
  ) async throws(AzureError) -> AzureToken {
    try await applicationToken(
      tenant,
      [
        ("client_id", application), ("client_assertion", text),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
      ])
  }

  private func applicationToken(
    _ tenant: String, _ values: [(String, String)]
  ) async throws(AzureError) -> AzureToken {
    try await form(
      try endpoint(tenant), [("grant_type", "client_credentials"), ("scope", Self.scope)] + values)
  }

  private func endpoint(_ tenant: String) throws(AzureError) -> WebURL {
    guard AzureName.isDomain(tenant) else {
      throw AzureError(.configuration, "\(GoText.quote(tenant)) is no tenant: use its ID or one of its domains")
    }
    return try web.places.authority("/\(tenant)/oauth2/v2.0/token")
  }

  private func form(_ url: WebURL, _ values: [(String, String)]) async throws(AzureError) -> AzureToken {
    let body = values.map { "\($0.0)=\(AzureName.encoded($0.1))" }.joined(separator: "&")
    let answer = try await web.json(
      HTTPRequest(
        .post, url, headers: [HTTPField("Content-Type", "application/x-www-form-urlencoded")], body: Array(body.utf8)))
    return try AzureToken(answer, at: web.time.now)
  }

  /// The token in a file, which somebody else renews. Checked for its form, so that no other file is sent to anybody.
  private static func assertion(_ path: String) async throws(AzureError) -> String {
    let read: [UInt8]?
    do { read = try await BackgroundWork.run { try BoundedFile.read(path, limit: maximumFile) } } catch {
      throw AzureError(.configuration, "unable to read token file \(GoText.quote(path)): \(error)")
    }
    guard let read else {
      throw AzureError(.configuration, "unable to read token file \(GoText.quote(path)): no such file or directory")
    }
    let text = String(decoding: read, as: UTF8.self)
    let token = String(text.drop(while: \.isWhitespace).prefix { !$0.isWhitespace })
    do { _ = try CompactJWS(parsing: token) } catch {
      throw AzureError(.configuration, "unable to parse token file \(GoText.quote(path)): \(error.message)")
    }
    return token
  }
}
