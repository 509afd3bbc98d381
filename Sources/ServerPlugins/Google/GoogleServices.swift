import FoundationEssentials
import HTTP

/// Where Google's services are, and whom to believe there. A value; tests name other places.
struct GoogleServices: Sendable {
  var certificates = "https://www.googleapis.com/oauth2/v1/certs"
  var compute = "https://compute.googleapis.com"
  /// Of the machine that the server runs on.
  var metadata = "http://metadata.google.internal"
  var security: HTTPSecurity
  var environment: [String: String]

  init(security: HTTPSecurity, environment: [String: String]) {
    self.security = security
    self.environment = environment
    if let host = environment["GCE_METADATA_HOST"], !host.isEmpty { metadata = "http://\(host)" }
  }

  static func ofEnvironment(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> GoogleServices {
    GoogleServices(security: HTTPSecurity(.web(.system(environment: environment))), environment: environment)
  }

  func url(_ text: String) throws(ServerPluginError) -> WebURL {
    do { return try WebURL(anyScheme: text) } catch {
      throw ServerPluginError(.internal, "the URL \(text) \(error)", cause: error)
    }
  }
}
