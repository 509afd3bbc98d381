import Daemon
import Logging
import SPIFFE

/// The two pages of the provider (oidc-discovery-provider §3). Pure but for the keys that it shows; on any thread.
struct DiscoveryPages: Sendable {
  typealias Request = HTTPListener.Request
  typealias Response = HTTPListener.Response

  private let domains: Set<String>
  private let issuer: IssuerURL?
  private let jwksURI: String?
  private let prefix: String
  private let mayBeInsecure: Bool
  private let keys: PublishedKeys
  private let discoveryPath: String
  private let keysPath: String
  private let requestLogger: Logger?

  /// - Parameter isTLS: whether requests come in over TLS.
  init(_ configuration: ProviderConfiguration, isTLS: Bool, keys: PublishedKeys, logger: Logger) {
    domains = Set(configuration.domains)
    issuer = configuration.issuer
    jwksURI = configuration.jwksURI
    prefix = configuration.pathPrefix
    mayBeInsecure = configuration.allowsInsecureScheme && !isTLS
    self.keys = keys
    discoveryPath = IssuerURL.join(prefix, ".well-known/openid-configuration")
    keysPath = IssuerURL.join(prefix, "keys")
    requestLogger = configuration.logsRequests ? logger : nil
  }

  func answer(_ request: Request) -> Response {
    requestLogger?.debug(
      "Incoming request",
      metadata: [
        "remote-addr": "\(request.peer)", "method": "\(request.method)", "url": "\(request.target)",
        "user-agent": "\(request.header("User-Agent") ?? "")",
      ])
    switch request.path {
    case discoveryPath: return request.method == "GET" ? discovery(ForwardedRequest(request)) : Self.wrongMethod
    case keysPath: return request.method == "GET" ? keySet(request) : Self.wrongMethod
    default: return Self.text(404, "404 page not found")
    }
  }

  // MARK: Discovery

  private func discovery(_ request: ForwardedRequest) -> Response {
    guard domains.contains(request.domain) else {
      return Self.text(400, "domain \(GoText.quote(request.domain)) is not allowed")
    }
    let scheme = mayBeInsecure && request.scheme != "https" ? "http" : "https"
    let here = "\(scheme)://\(request.host)"
    let document: JSONValue = [
      "issuer": .string(issuer?.description ?? here + prefix),
      "jwks_uri": .string(jwksURI ?? issuer?.appending("keys") ?? here + keysPath),
      "authorization_endpoint": "",
      "response_types_supported": ["id_token"],
      "subject_types_supported": ["public"],
      "id_token_signing_alg_values_supported": ["RS256", "ES256", "ES384"],
    ]
    return Response(
      status: 200, contentType: "application/json", body: document.text(JSONStyle(indentation: 2)),
      headers: [("Access-Control-Allow-Origin", "*")])
  }

  // MARK: Keys

  private func keySet(_ request: Request) -> Response {
    guard let page = keys.page else { return Self.text(500, "document not available") }
    guard page.count > 0 else { return Self.text(501, "jwt not supported/enabled in this service") }
    return ConditionalPage(
      body: page.body, contentType: "application/json", modified: page.modified,
      headers: [
        ("Access-Control-Allow-Origin", "*"), ("Cache-Control", "no-cache, no-store, must-revalidate"),
        ("Expires", "0"), ("Pragma", "no-cache"),
      ]
    ).answer(request)
  }

  private static let wrongMethod = text(405, "method not allowed")

  static func text(_ status: Int, _ body: String) -> Response {
    Response(
      status: status, contentType: "text/plain; charset=utf-8", body: body + "\n",
      headers: [("X-Content-Type-Options", "nosniff")])
  }
}
