import FoundationEssentials
package import HTTP

/// Where Azure's services are, and whom to believe there: those of the public cloud, as in upstream. A value.
package struct AzurePlaces: Sendable {
  package static let loginHost = "login.microsoftonline.com"
  package static let managementHost = "management.azure.com"
  /// Of the machine that the server runs on.
  package static let metadataHost = "169.254.169.254"

  package let security: HTTPSecurity
  package let environment: [String: String]
  /// Other servers for hosts, by name: a test's own.
  package var elsewhere: [String: String] = [:]
  /// Where Azure Arc's agent keeps what it asks its callers for, and where it is itself.
  package var arcFolder = "/var/opt/azcmagent/tokens"
  package var arcAgent = "/opt/azcmagent/bin/himds"

  package init(security: HTTPSecurity, environment: [String: String]) {
    self.security = security
    self.environment = environment
  }

  package static func ofEnvironment(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> AzurePlaces {
    AzurePlaces(security: HTTPSecurity(.web(.system(environment: environment))), environment: environment)
  }

  /// The URL of `path` at a host of Azure's. Its parts have been checked or encoded.
  package func url(_ host: String, _ path: String) throws(AzureError) -> WebURL {
    try parsed("\(host == Self.metadataHost ? "http" : "https")://\(host)\(path)")
  }

  /// Where tokens of a tenant are asked for: `AZURE_AUTHORITY_HOST` names another place, as for Azure's own libraries.
  func authority(_ path: String) throws(AzureError) -> WebURL {
    var base = environment["AZURE_AUTHORITY_HOST"] ?? ""
    guard !base.isEmpty else { return try url(Self.loginHost, path) }
    guard base.hasPrefix("https://") else {
      throw AzureError(.configuration, "AZURE_AUTHORITY_HOST must be a URL with the https scheme")
    }
    while base.hasSuffix("/") { base.removeLast() }
    return try parsed(base + path)
  }

  /// The server that is asked for what `url` names.
  package func reached(_ url: WebURL) throws(AzureError) -> WebURL {
    guard let base = elsewhere[url.host] else { return url }
    return try parsed(base + url.target)
  }

  private func parsed(_ text: String) throws(AzureError) -> WebURL {
    do { return try WebURL(anyScheme: text) } catch {
      throw AzureError(.configuration, "the URL \(text.prefix(200)) \(error)")
    }
  }
}
