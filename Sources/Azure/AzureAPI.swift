import Daemon
package import HTTP
package import SPIFFE

/// Calls Azure Resource Manager and Resource Graph with one credential. A value; tokens are shared.
package struct AzureAPI: Sendable {
  /// Of a list that comes in pages.
  private static let maximumPages = 100

  private let web: AzureWeb
  private let tokens: AzureTokens
  private let credential: @Sendable () throws(AzureError) -> AzureCredential

  /// - Parameter credential: asked for with each call, so that what the environment lacks is told to who needs it.
  package init(
    _ web: AzureWeb, tokens: AzureTokens, credential: @escaping @Sendable () throws(AzureError) -> AzureCredential
  ) {
    self.web = web
    self.tokens = tokens
    self.credential = credential
  }

  /// The resource at `path`, whose segments are not encoded yet.
  package func get(
    _ path: [String], version: String, query: [(name: String, value: String)] = []
  ) async throws(AzureError) -> JSONValue {
    try await asked(HTTPRequest(.get, try url(path, version, query)))
  }

  /// The members of a list, page by page, until `isEnough`.
  package func list(
    _ path: [String], version: String, query: [(name: String, value: String)] = [],
    until isEnough: @Sendable ([JSONValue]) -> Bool
  ) async throws(AzureError) {
    var url = try url(path, version, query)
    for _ in 0..<Self.maximumPages {
      let page = try await asked(HTTPRequest(.get, url))
      guard let members = page["value"]?.array else {
        throw AzureError(.unavailable, "Azure answers with what is no list")
      }
      if isEnough(members) { return }
      guard let link = page["nextLink"]?.string, !link.isEmpty else { return }
      url = try Self.next(link, after: url)
    }
    throw AzureError(.unavailable, "a list of Azure has more than \(Self.maximumPages) pages")
  }

  /// The rows that a query of Azure Resource Graph finds in one subscription.
  ///
  /// - Parameter query: in Kusto's language; what came from elsewhere in it has been checked.
  package func rows(_ query: String, subscription: String) async throws(AzureError) -> [JSONValue] {
    let body: JSONValue = [
      "subscriptions": [.string(subscription)], "query": .string(query), "options": ["resultFormat": "objectArray"],
    ]
    let url = try url(["providers", "Microsoft.ResourceGraph", "resources"], "2022-10-01", [])
    let answer = try await asked(
      HTTPRequest(
        .post, url, headers: [HTTPField("Content-Type", "application/json")], body: body.encoded()))
    guard let count = answer["totalRecords"]?.integer, count > 0 else {
      throw AzureError(.notFound, "resource not found")
    }
    guard let rows = answer["data"]?.array, !rows.isEmpty, rows.allSatisfy({ $0.object != nil }) else {
      throw AzureError(.unavailable, "the answer of Azure Resource Graph has no rows")
    }
    return rows
  }

  private func asked(_ request: HTTPRequest) async throws(AzureError) -> JSONValue {
    let credential = try credential()
    let token = try await tokens.token(of: credential)
    var request = request
    request.headers.append(HTTPField("Authorization", "Bearer \(token)"))
    do { return try await web.json(request) } catch {
      if error.code == .unauthenticated { await tokens.forget(credential) }
      throw error
    }
  }

  private func url(
    _ path: [String], _ version: String, _ query: [(name: String, value: String)]
  ) throws(AzureError) -> WebURL {
    var text = ""
    for segment in path {
      guard let encoded = AzureName.segment(segment) else {
        throw AzureError(.refused, "\(GoText.quote(String(segment.prefix(100)))) can be no part of a resource's name")
      }
      text += "/" + encoded
    }
    text += "?api-version=\(version)"
    for (name, value) in query { text += "&\(AzureName.encoded(name))=\(AzureName.encoded(value))" }
    return try web.places.url(AzurePlaces.managementHost, text)
  }

  /// The next page: at the same place, since the token goes there too.
  package static func next(_ link: String, after url: WebURL) throws(AzureError) -> WebURL {
    guard let next = try? WebURL(anyScheme: link), next.scheme == url.scheme, next.host == url.host,
      next.port == url.port
    else { throw AzureError(.unavailable, "Azure names a next page at another place") }
    return next
  }
}
