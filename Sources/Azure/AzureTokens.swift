import Daemon
import HTTP
import Keys
import SPIFFE

/// Access tokens for Azure Resource Manager, kept until shortly before they end and asked for once for all who need one at
/// once. Shared by the calls of a plugin; ``AzureOnce`` isolates what is kept.
package struct AzureTokens: Sendable {
  /// Renewed this long before they end.
  private static let margin: Duration = .seconds(300)
  private static let maximumFile = 64 << 10
  private static let resource = "https://management.azure.com"

  private let web: AzureWeb
  private let kept: AzureOnce<AzureCredential, String>

  package init(_ web: AzureWeb) {
    self.web = web
    kept = AzureOnce(time: web.time)
  }

  func token(of credential: AzureCredential) async throws(AzureError) -> String {
    try await kept.value(credential) { [web] () throws(AzureError) in
      let answer = try await web.json(try await Self.request(credential, web.places))
      guard let text = answer["access_token"]?.string, !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
      else { throw AzureError(.unavailable, "Azure answers without an access token") }
      // A number, or a number in a string where the machine's own service answers.
      let life = answer["expires_in"].flatMap { $0.integer ?? $0.string.flatMap { Int64($0) } } ?? 0
      return (text, .seconds(min(max(life, 0), 86400)) - Self.margin)
    }
  }

  /// A token that was not taken is not used again.
  func forget(_ credential: AzureCredential) async { await kept.forget(credential) }

  private static func request(
    _ credential: AzureCredential, _ places: AzurePlaces
  ) async throws(AzureError) -> HTTPRequest {
    switch credential {
    case .secret(let tenant, let application, let secret):
      return try form(places, tenant, [("client_id", application), ("client_secret", secret)])
    case .tokenFile(let tenant, let application, let path):
      return try form(
        places, tenant,
        [
          ("client_id", application), ("client_assertion", try await assertion(path)),
          ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ])
    case .machine(let application):
      let query =
        "api-version=2018-02-01&resource=\(AzureName.encoded(resource))"
        + (application.map { "&client_id=\(AzureName.encoded($0))" } ?? "")
      return HTTPRequest(
        .get, try places.url(AzurePlaces.metadataHost, "/metadata/identity/oauth2/token?\(query)"),
        headers: [HTTPField("Metadata", "true")])
    case .service(let endpoint, let header, let application):
      let url: WebURL
      do { url = try WebURL(anyScheme: endpoint) } catch {
        throw AzureError(.configuration, "IDENTITY_ENDPOINT \(error)")
      }
      let query =
        [("api-version", "2019-08-01"), ("resource", resource)] + (application.map { [("client_id", $0)] } ?? [])
      return HTTPRequest(.get, url.setting(query), headers: [HTTPField("X-IDENTITY-HEADER", header)])
    }
  }

  /// A request for an application's token (RFC 6749 §4.4).
  private static func form(
    _ places: AzurePlaces, _ tenant: String, _ values: [(String, String)]
  ) throws(AzureError) -> HTTPRequest {
    guard AzureName.isDomain(tenant) else {
      throw AzureError(.configuration, "\(GoText.quote(tenant)) is no tenant: use its ID or one of its domains")
    }
    let body = ([("grant_type", "client_credentials"), ("scope", resource + "/.default")] + values)
      .map { "\($0.0)=\(AzureName.encoded($0.1))" }.joined(separator: "&")
    return HTTPRequest(
      .post, try places.authority("/\(tenant)/oauth2/v2.0/token"),
      headers: [HTTPField("Content-Type", "application/x-www-form-urlencoded")], body: Array(body.utf8))
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
