package import HTTPTesting
import NIOHTTP1
package import SPIFFE
import Synchronization

/// The kubelet of one node of a ``TestCluster``: a real web server on 127.0.0.1, over TLS with tokens, client certificates or
/// nothing to show, or in the clear as the read-only port. It answers `GET /pods` as kubelets do, for those who may.
package struct TestKubelet: Sendable {
  /// What it may be asked with.
  package struct Access: Sendable {
    /// Whether who shows nothing is let in.
    package var allowsAnonymous: Bool
    /// Whether rights are checked (`authorization.mode: Webhook`).
    package var checksRights: Bool

    package init(allowsAnonymous: Bool = false, checksRights: Bool = true) {
      self.allowsAnonymous = allowsAnonymous
      self.checksRights = checksRights
    }
  }

  /// Answers in place of the kubelet, or lets it answer. Called with the number of the request, from 1.
  package typealias Fault = @Sendable (_ request: Int) -> TestWebServer.Answer?

  package final class Script: Sendable {
    private let stored = Mutex<(fault: Fault?, count: Int)>((nil, 0))

    fileprivate init() {}

    package func fail(_ fault: Fault?) { stored.withLock { $0.fault = fault } }
    fileprivate func answer() -> TestWebServer.Answer? {
      let (fault, count) = stored.withLock {
        $0.count += 1
        return $0
      }
      return fault?(count)
    }
  }

  package let script: Script
  package let server: TestWebServer

  package var port: Int { server.port }
  /// How often it was asked.
  package var requestCount: Int { server.script.requests.count }

  /// The certificate of a node.
  package static func certificate(_ cluster: TestCluster, node: String = "node-1") throws -> TestWebServer.Certificate {
    try cluster.authority.server(hosts: [node])
  }

  /// Runs `body` while the kubelet listens.
  ///
  /// - Parameters:
  ///   - node: whose pods it has.
  ///   - certificate: nil for the read-only port.
  package static func with<T: Sendable>(
    _ cluster: TestCluster, node: String = "node-1", certificate: TestWebServer.Certificate?, access: Access = Access(),
    _ body: @Sendable (TestKubelet) async throws -> T
  ) async throws -> T {
    let script = Script()
    let isSecure = certificate != nil
    return try await TestWebServer.with(
      certificate, clientAuthority: certificate == nil ? nil : cluster.authority.der,
      reply: { request in
        script.answer() ?? answer(request, cluster, node, isSecure ? access : nil)
      }
    ) { server in
      try await body(TestKubelet(script: script, server: server))
    }
  }

  private static func answer(
    _ request: TestWebServer.Request, _ cluster: TestCluster, _ node: String, _ access: Access?
  ) -> TestWebServer.Answer {
    if let access {
      guard let user = TestCredentials.user(request, cluster, allowsAnonymous: access.allowsAnonymous) else {
        return .page(401, [("Content-Type", "text/plain")], Array("Unauthorized".utf8))
      }
      guard !access.checksRights || cluster.allows(user.name, "get", "nodes/proxy", name: node) else {
        let text = "Forbidden (user=\(user.name), verb=get, resource=nodes, subresource(s)=[proxy])\n"
        return .page(403, [("Content-Type", "text/plain; charset=utf-8")], Array(text.utf8))
      }
    }
    guard request.head.method == .GET, ["/pods", "/pods/"].contains(request.head.uri) else {
      return .page(404, [("Content-Type", "text/plain")], Array("404 page not found\n".utf8))
    }
    return .json(list(cluster, node: node))
  }

  /// The pods of a node as its kubelet lists them.
  package static func list(_ cluster: TestCluster, node: String) -> JSONValue {
    let pods = cluster.objects(.pods).objects.filter { $0["spec"]?["nodeName"]?.string == node }
    return ["kind": "PodList", "apiVersion": "v1", "metadata": [:], "items": .array(pods)]
  }
}
