import Daemon
import HTTP
import Keys
import SPIFFE

/// Asks the API server of the cluster that this process is in, with the pod's service account. A value; the token and the
/// cluster's authorities are read for each request, as Kubernetes replaces them.
struct APIServerClient: Sendable {
  /// A page of 500 objects' metadata stays below.
  static let maximumAnswer = 16 << 20
  /// Asks for nothing but metadata.
  static let metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
  static let metadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
  private static let maximumToken = 64 << 10
  /// How long a watch may bring nothing: the server sends bookmarks about once a minute.
  private static let idle = Duration.seconds(150)

  private let base: WebURL
  private let folder: String
  private let queue: BackgroundQueue
  private let http = HTTPClient(
    .init(connect: .seconds(5), answer: .seconds(10), maximumBody: APIServerClient.maximumAnswer))

  init(_ surroundings: KubernetesSurroundings) throws(APIServerFailure) {
    let environment = surroundings.environment
    guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
      let port = environment["KUBERNETES_SERVICE_PORT"], !port.isEmpty
    else { throw .noCluster }
    do { base = try WebURL("https://\(host.contains(":") ? "[\(host)]" : host):\(port)") } catch {
      throw .unreachable("the API server's URL of KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT \(error)")
    }
    folder = surroundings.serviceAccount
    queue = surroundings.queue
  }

  /// The answer to a GET that found something.
  func get(
    _ path: String, query: [(name: String, value: String)] = [], accept: String = "application/json"
  ) async throws(APIServerFailure) -> [UInt8] {
    try await send(HTTPRequest(.get, url(path, query), headers: [HTTPField("Accept", accept)]))
  }

  /// The answer to the creation of `object`.
  func post(_ path: String, _ object: JSONValue) async throws(APIServerFailure) -> [UInt8] {
    try await send(
      HTTPRequest(
        .post, url(path),
        headers: [HTTPField("Accept", "application/json"), HTTPField("Content-Type", "application/json")],
        body: object.encoded()))
  }

  /// Gives `receive` what a watch brings, bit by bit, until the server ends it or `receive` throws. The first bit is empty: the
  /// server watches from now on.
  func watch(
    _ path: String, query: [(name: String, value: String)], _ receive: @escaping @Sendable ([UInt8]) throws -> Void
  ) async throws {
    var request = HTTPRequest(.get, url(path, query), headers: [HTTPField("Accept", Self.metadata)])
    let route = try await authorize(&request)
    do {
      try await http.stream(request, over: route, idle: Self.idle) { answer, body in
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

  private func url(_ path: String, _ query: [(name: String, value: String)] = []) -> WebURL {
    var url = base
    url.target = path
    return query.isEmpty ? url : url.setting(query)
  }

  private func send(_ request: HTTPRequest) async throws(APIServerFailure) -> [UInt8] {
    var request = request
    let route = try await authorize(&request)
    let answer: HTTPAnswer
    do { answer = try await http.send(request, over: route) } catch {
      throw .unreachable("\(request.method.rawValue) \(GoText.quote("\(request.url)")): \(error)")
    }
    guard (200...299).contains(answer.status) else { throw APIServerFailure(status: answer.status, body: answer.body) }
    return answer.body
  }

  /// Reads the service account's files; the way to the server.
  private func authorize(_ request: inout HTTPRequest) async throws(APIServerFailure) -> HTTPRoute {
    let (tokenPath, authorityPath) = (folder + "/token", folder + "/ca.crt")
    do {
      let (token, roots) = try await queue.run {
        guard let token = try BoundedFile.read(tokenPath, limit: Self.maximumToken) else {
          throw FileError(operation: "open", path: tokenPath, detail: "no such file or directory")
        }
        let authorities = try PEMFile.certificates(authorityPath, setting: "the cluster's authorities")
        return (OutsideText.trimmed(token), try WebRoots.only(der: authorities))
      }
      request.headers.append(HTTPField("Authorization", "Bearer " + token))
      return .https(.web(roots))
    } catch {
      throw .unreachable("\(error)")
    }
  }
}
