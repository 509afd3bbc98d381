import Daemon

/// A GET that follows redirections, each held to the same rules: what fetching a bundle needs. A value; keeps nothing.
package struct HTTPExchange: Sendable {
  package typealias Route = HTTPRoute
  package typealias Answer = HTTPAnswer
  package typealias Failure = HTTPFailure

  /// Redirections that are followed; each is held to the same rules.
  package static let maximumRedirections = 10

  private let client: HTTPClient
  private let accept: String

  /// - Parameters:
  ///   - deadline: for dialling, and again for each answer.
  ///   - maximumBody: in bytes.
  ///   - accept: the media types that are asked for.
  package init(deadline: Duration, maximumBody: Int, accept: String) {
    client = HTTPClient(.init(connect: deadline, answer: deadline, maximumBody: maximumBody))
    self.accept = accept
  }

  /// The answer to a GET of `url`, behind at most ``maximumRedirections`` redirections.
  package func get(_ url: WebURL, over route: Route) async throws(Failure) -> Answer {
    var url = url
    for _ in 0...Self.maximumRedirections {
      let answer = try await client.send(HTTPRequest(.get, url, headers: [HTTPField("Accept", accept)]), over: route)
      guard answer.isRedirection, let location = answer.header("Location") else { return answer }
      do {
        url = try url.redirected(to: location)
      } catch {
        // SPIRE: would also follow from https to http, where anybody on the way could answer.
        throw .protocol("redirection to \(GoText.quote(location)) refused: it \(error)")
      }
    }
    throw .protocol("stopped after \(Self.maximumRedirections) redirects")
  }
}
