package import HTTP

/// How an API server is reached, and as whom. ``APIServerClient`` asks for each request.
package protocol ClusterAccess: Sendable {
  /// What it takes now; reads the files that hold it.
  func endpoint() async throws(APIServerFailure) -> ClusterEndpoint
}

/// An API server and what it is shown. A value; holds secrets, never printed.
package struct ClusterEndpoint: Sendable {
  /// Its target is the path before all others: `/` or `/k8s/clusters/c-1`.
  package let base: WebURL
  package let route: HTTPRoute
  /// Through which the server is reached.
  package let proxies: HTTPProxies
  /// Who asks.
  package let headers: [HTTPField]
  /// What to call when the server does not accept whoever asks (401); whether asking again is worth it.
  let refused: (@Sendable () async -> Bool)?

  package init(
    base: WebURL, route: HTTPRoute, proxies: HTTPProxies = .none, headers: [HTTPField],
    refused: (@Sendable () async -> Bool)? = nil
  ) {
    self.base = base
    self.route = route
    self.proxies = proxies
    self.headers = headers
    self.refused = refused
  }

  func url(_ path: String, _ query: [(name: String, value: String)]) -> WebURL {
    var url = base
    var prefix = base.target.prefix { $0 != "?" }
    while prefix.hasSuffix("/") { prefix = prefix.dropLast() }
    url.target = prefix + path
    return query.isEmpty ? url : url.setting(query)
  }
}
