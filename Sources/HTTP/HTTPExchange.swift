import Daemon
package import TLS

/// A GET that follows redirections, each held to the same rules: what fetching a bundle needs. A value; keeps nothing.
package struct HTTPExchange: Sendable {
  package typealias Route = HTTPRoute
  package typealias Answer = HTTPAnswer
  package typealias Failure = HTTPFailure

  private let client: HTTPClient
  private let accept: String
  private let maximumRedirections: Int
  private let tls: TLSPolicy

  /// - Parameters:
  ///   - deadline: for dialling, and again for each answer.
  ///   - maximumBody: in bytes.
  ///   - accept: the media types that are asked for.
  ///   - maximumRedirections: how many are followed; each is held to the same rules.
  package init(
    deadline: Duration, maximumBody: Int, accept: String, maximumRedirections: Int = 10, tls: TLSPolicy = TLSPolicy()
  ) {
    client = HTTPClient(.init(connect: deadline, answer: deadline, maximumBody: maximumBody))
    self.accept = accept
    self.maximumRedirections = maximumRedirections
    self.tls = tls
  }

  /// The answer to a GET of `url`, behind at most so many redirections as are followed.
  package func get(_ url: WebURL, over route: Route) async throws(Failure) -> Answer {
    var (url, route) = (url, route)
    if case .https(var security) = route {
      security.policy = tls
      route = .https(security)
    }
    for _ in 0...maximumRedirections {
      let answer = try await client.send(HTTPRequest(.get, url, headers: [HTTPField("Accept", accept)]), over: route)
      guard answer.isRedirection, let location = answer.header("Location") else { return answer }
      do {
        url = try url.redirected(to: location)
      } catch {
        // SPIRE: would also follow from https to http, where anybody on the way could answer.
        throw .redirection("redirection to \(GoText.quote(location)) refused: it \(error)")
      }
    }
    throw .redirection("stopped after \(maximumRedirections) redirects")
  }
}
