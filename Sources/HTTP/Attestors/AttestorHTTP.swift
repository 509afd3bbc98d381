import FoundationEssentials

/// The one way in which node attestors, of the server and of the agent, ask over HTTP: on the terms of the peer, without
/// following a redirection, and with the body as it was sent. A value; keeps nothing.
///
/// `Scripts/check-boundaries` refuses any other client in the code of node attestors.
package struct AttestorHTTP: Sendable {
  package let peer: AttestorPeer
  private let client: HTTPClient

  /// - Parameter environment: names the proxies, where the peer may be asked through one.
  package init(
    _ peer: AttestorPeer, environment: [String: String] = ProcessInfo.processInfo.environment
  ) {
    self.init(peer, limits: peer.limits, environment: environment)
  }

  /// For tests that cannot wait as long.
  init(_ peer: AttestorPeer, limits: HTTPClient.Limits, environment: [String: String]) {
    self.peer = peer
    client = HTTPClient(limits, proxies: peer.usesProxies ? HTTPProxies(environment: environment) : .none)
  }

  /// The peer's answer, whatever its status is, unless it is a redirection.
  package func send(_ request: HTTPRequest, over route: HTTPRoute) async throws(HTTPFailure) -> HTTPAnswer {
    let answer = try await client.send(request, over: route)
    // It would name the next place to ask: one that only this machine can reach, say.
    guard !answer.isRedirection else { throw .redirection("http redirects are disabled") }
    let encoding = answer.header("Content-Encoding") ?? ""
    // None was asked for: what a few bytes unfold to is bounded by nothing.
    guard encoding.isEmpty || encoding.lowercased() == "identity" else {
      throw .protocol("the answer is encoded, which was not asked for")
    }
    return answer
  }
}
