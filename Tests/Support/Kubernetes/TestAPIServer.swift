package import HTTPTesting
import NIOHTTP1
package import SPIFFE
import Synchronization

/// The API server of a ``TestCluster``: a real web server over TLS on 127.0.0.1. It checks tokens and rules, knows the
/// resources' paths, lists in pages, renders metadata alone where that is asked for, watches, and answers errors with Status
/// objects, as the real one does.
///
/// Reviews (objects that are created to ask a question) are a table: a test or a later part adds its own kinds.
package struct TestAPIServer: Sendable {
  package typealias Answer = TestWebServer.Answer
  /// What is asked, by whom; the answer's `status`.
  package typealias Review =
    @Sendable (_ spec: JSONValue, _ user: TestCluster.User, _ cluster: TestCluster) -> JSONValue
  /// Answers in place of the server, or lets it answer.
  package typealias Fault = @Sendable (TestWebServer.Request) -> Answer?

  /// What a test may change while the server works.
  package final class Script: Sendable {
    private let stored = Mutex<(fault: Fault?, reviews: [String: Review])>((nil, [:]))

    fileprivate init() {
      review("subjectaccessreviews") { spec, _, cluster in
        let wanted = spec["resourceAttributes"]
        let group = wanted?["group"]?.string ?? ""
        let plural = wanted?["resource"]?.string ?? ""
        let isAllowed = cluster.allows(
          spec["user"]?.string ?? "", wanted?["verb"]?.string ?? "", group.isEmpty ? plural : "\(plural).\(group)",
          namespace: wanted?["namespace"]?.string ?? "", name: wanted?["name"]?.string ?? "")
        return ["allowed": .bool(isAllowed), "reason": isAllowed ? "RBAC: allowed" : ""]
      }
    }

    /// From now on `fault` is asked first.
    package func fail(_ fault: Fault?) { stored.withLock { $0.fault = fault } }
    package func review(_ plural: String, _ review: @escaping Review) {
      stored.withLock { $0.reviews[plural] = review }
    }
    fileprivate var fault: Fault? { stored.withLock(\.fault) }
    fileprivate func review(_ plural: String) -> Review? { stored.withLock { $0.reviews[plural] } }
  }

  package let cluster: TestCluster
  package let script: Script
  package let server: TestWebServer

  package var port: Int { server.port }
  /// What a process of the cluster has in its environment.
  package var environment: [String: String] {
    ["KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "\(port)"]
  }
  /// The requests until now: `GET /api/v1/pods?limit=500`.
  package var requests: [String] { server.script.requests.map { "\($0.method.rawValue) \($0.uri)" } }

  /// Runs `body` while the server listens.
  ///
  /// - Parameter certificate: what it shows in place of a certificate of the cluster's authority for its address.
  package static func with<T: Sendable>(
    _ cluster: TestCluster, certificate: TestWebServer.Certificate? = nil,
    _ body: @Sendable (TestAPIServer) async throws -> T
  ) async throws -> T {
    let script = Script()
    let shown =
      try certificate ?? cluster.authority.server(hosts: ["kubernetes.default.svc"], addresses: [[127, 0, 0, 1]])
    return try await TestWebServer.with(
      shown, reply: { request in script.fault?(request) ?? TestAPICall(request, cluster, script.review).answer }
    ) { server in
      try await body(TestAPIServer(cluster: cluster, script: script, server: server))
    }
  }
}
