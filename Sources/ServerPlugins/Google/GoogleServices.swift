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
  /// Other servers for hosts, by name: a test's own.
  var elsewhere: [String: String] = [:]

  init(security: HTTPSecurity, environment: [String: String]) {
    self.security = security
    self.environment = environment
    if let host = value("GCE_METADATA_HOST") { metadata = "http://\(host)" }
  }

  static func ofEnvironment(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> GoogleServices {
    GoogleServices(security: HTTPSecurity(.web(.system(environment: environment))), environment: environment)
  }

  /// A variable of the environment that is not empty.
  func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

  /// The file of credentials that the environment gives, named or where Google's tools leave theirs; empty for none.
  var credentialsFile: String {
    if let file = value("GOOGLE_APPLICATION_CREDENTIALS") { return file }
    let folder = value("CLOUDSDK_CONFIG") ?? value("HOME").map { $0 + "/.config/gcloud" }
    guard let file = folder.map({ $0 + "/application_default_credentials.json" }),
      FileManager.default.fileExists(atPath: file)
    else { return "" }
    return file
  }

  func url(_ text: String) throws(ServerPluginError) -> WebURL {
    do { return try WebURL(anyScheme: text) } catch {
      throw ServerPluginError(.internal, "the URL \(text) \(error)", cause: error)
    }
  }

  /// The server that is asked for what `url` names.
  func reached(_ url: WebURL) throws(ServerPluginError) -> WebURL {
    guard let base = elsewhere[url.host] else { return url }
    return try self.url(base + url.target)
  }
}
