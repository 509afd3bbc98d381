import Daemon
import HTTP
import SPIFFE

/// Which tenant a domain belongs to, as its OpenID metadata say. Shared by the calls of a plugin; ``AzureOnce`` isolates
/// what is kept: for a day.
package struct AzureTenants: Sendable {
  private static let lifetime: Duration = .seconds(24 * 3600)

  private let web: AzureWeb
  private let kept: AzureOnce<String, String>

  package init(_ web: AzureWeb) {
    self.web = web
    kept = AzureOnce(time: web.time)
  }

  /// The ID of the tenant that has `domain`.
  package func tenant(of domain: String) async throws(AzureError) -> String {
    try await kept.value(domain) { [web] () throws(AzureError) in
      guard AzureName.isDomain(domain) else {
        throw AzureError(.configuration, "\(GoText.quote(domain)) is no domain")
      }
      let url = try web.places.url(AzurePlaces.loginHost, "/\(domain)/.well-known/openid-configuration")
      let issuer = try await web.json(HTTPRequest(.get, url))["issuer"]?.string ?? ""
      return (try Self.tenant(ofIssuer: issuer), Self.lifetime)
    }
  }

  /// The tenant in `https://sts.windows.net/<tenant>/`.
  package static func tenant(ofIssuer issuer: String) throws(AzureError) -> String {
    let prefix = "https://sts.windows.net/"
    let tenant = issuer.dropFirst(prefix.count).dropLast()
    guard issuer.hasPrefix(prefix), issuer.hasSuffix("/"), AzureName.isDomain(String(tenant)) else {
      throw AzureError(.unavailable, "malformed tenant ID: \(GoText.quote(String(issuer.prefix(200))))")
    }
    return String(tenant)
  }
}
