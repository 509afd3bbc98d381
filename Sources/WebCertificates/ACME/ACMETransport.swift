import Daemon
package import HTTP
package import TLS

/// Carries requests to the authority: over HTTPS, and in tests without it. It follows no redirection, and bounds time and
/// size.
package protocol ACMETransport: Sendable {
  /// - Throws: ``ACMEError`` with code `unreachable` when there is no answer.
  func send(_ request: HTTPRequest) async throws(ACMEError) -> HTTPAnswer
}

/// The authority over HTTPS, checked against the certificates of the web. A value.
package struct ACMEOverHTTPS: ACMETransport {
  private let client: HTTPClient
  private let security: HTTPSecurity
  private let userAgent: String

  package init(roots: WebRoots, userAgent: String, tls: TLSPolicy = TLSPolicy()) {
    client = HTTPClient(
      .init(connect: .seconds(30), answer: .seconds(30), maximumBody: ACMEDocument.maximumSize))
    var security = HTTPSecurity(.web(roots))
    security.policy = tls
    self.security = security
    self.userAgent = userAgent
  }

  package func send(_ request: HTTPRequest) async throws(ACMEError) -> HTTPAnswer {
    var request = request
    request.headers.append(HTTPField("User-Agent", userAgent))
    do {
      return try await client.send(request, over: .https(security))
    } catch {
      throw ACMEError(
        .unreachable, "\(request.method.rawValue) \(GoText.quote(request.url.description)): \(error)", cause: error)
    }
  }
}
