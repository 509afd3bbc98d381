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
  /// Who asks.
  package let headers: [HTTPField]

  package init(base: WebURL, route: HTTPRoute, headers: [HTTPField]) {
    self.base = base
    self.route = route
    self.headers = headers
  }

  func url(_ path: String, _ query: [(name: String, value: String)]) -> WebURL {
    var url = base
    var prefix = base.target.prefix { $0 != "?" }
    while prefix.hasSuffix("/") { prefix = prefix.dropLast() }
    url.target = prefix + path
    return query.isEmpty ? url : url.setting(query)
  }
}
