import Daemon
package import HTTP
package import SPIFFE

/// Asks the API server of a cluster, as whomever its access says. A value; keeps nothing: address, credentials and
/// authorities are looked up for each request, as Kubernetes and operators replace them.
package struct APIServerClient: Sendable {
  /// A page of 500 objects' metadata stays below.
  package static let maximumAnswer = 16 << 20
  /// Asks for nothing but metadata.
  package static let metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
  package static let metadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
  /// How long a watch may bring nothing: the server sends bookmarks about once a minute.
  private static let idle = Duration.seconds(150)

  private let access: any ClusterAccess
  private let limits: HTTPClient.Limits

  package init(
    _ access: any ClusterAccess,
    limits: HTTPClient.Limits = .init(
      connect: .seconds(5), answer: .seconds(10), maximumBody: APIServerClient.maximumAnswer)
  ) {
    self.access = access
    self.limits = limits
  }

  /// The answer to a GET that found something.
  package func get(
    _ path: String, query: [(name: String, value: String)] = [], accept: String = "application/json"
  ) async throws(APIServerFailure) -> [UInt8] {
    try await send(.get, path, query, [HTTPField("Accept", accept)])
  }

  /// The answer to the creation of `object`.
  package func post(_ path: String, _ object: JSONValue) async throws(APIServerFailure) -> [UInt8] {
    try await send(
      .post, path, [], [HTTPField("Accept", "application/json"), HTTPField("Content-Type", "application/json")],
      body: object.encoded())
  }

  /// Gives `receive` what a watch brings, bit by bit, until the server ends it or `receive` throws. The first bit is empty: the
  /// server watches from now on.
  package func watch(
    _ path: String, query: [(name: String, value: String)], _ receive: @escaping @Sendable ([UInt8]) throws -> Void
  ) async throws {
    let endpoint = try await access.endpoint()
    let request = HTTPRequest(
      .get, endpoint.url(path, query), headers: endpoint.headers + [HTTPField("Accept", Self.metadata)])
    do {
      try await HTTPClient(limits, proxies: endpoint.proxies).stream(request, over: endpoint.route, idle: Self.idle) {
        answer, body in
        guard answer.status == 200 else {
          throw APIServerFailure(status: answer.status, body: try await body.rest(upTo: 1 << 20))
        }
        try receive([])
        while let chunk = try await body.next() { try receive(chunk) }
      }
    } catch let failure as HTTPFailure {
      throw APIServerFailure.unreachable("\(failure)")
    }
  }

  private func send(
    _ method: HTTPRequest.Method, _ path: String, _ query: [(name: String, value: String)], _ headers: [HTTPField],
    body: [UInt8]? = nil
  ) async throws(APIServerFailure) -> [UInt8] {
    var endpoint = try await access.endpoint()
    var answer = try await exchange(method, path, query, headers, body, endpoint)
    if answer.status == 401, let refused = endpoint.refused, await refused() {
      endpoint = try await access.endpoint()
      answer = try await exchange(method, path, query, headers, body, endpoint)
    }
    guard (200...299).contains(answer.status) else { throw APIServerFailure(status: answer.status, body: answer.body) }
    return answer.body
  }

  private func exchange(
    _ method: HTTPRequest.Method, _ path: String, _ query: [(name: String, value: String)], _ headers: [HTTPField],
    _ body: [UInt8]?, _ endpoint: ClusterEndpoint
  ) async throws(APIServerFailure) -> HTTPAnswer {
    let request = HTTPRequest(method, endpoint.url(path, query), headers: endpoint.headers + headers, body: body)
    do { return try await HTTPClient(limits, proxies: endpoint.proxies).send(request, over: endpoint.route) } catch {
      throw .unreachable("\(method.rawValue.capitalizedASCII) \(GoText.quote("\(request.url)")): \(error)")
    }
  }
}

extension String {
  /// `Get` for `GET`, as Go's errors name methods.
  fileprivate var capitalizedASCII: String { prefix(1) + dropFirst().lowercased() }
}
