import Foundation
import HTTPTesting
import NIOHTTP1
import Testing

/// Real servers and agents with the node attestors aws_iid and gcp_iit, on machines whose metadata services are of the
/// tests' own.
///
/// Google's keys come over the web, so that a proxy and authorities of the web that the server is told of, as any server
/// may be, lead it to a Google of the test: the whole way is gone. Amazon's are built in, and nothing adds others: what
/// real processes show is that a document which Amazon did not sign gets nowhere.
@Suite("Node attestors of the clouds", .serialized)
struct CloudAttestorTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Support/NodeProofs/Fixtures")

  private func fixture(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: Self.fixtures.appendingPathComponent(name)))
  }

  @Test("aws_iid: a token for the metadata service, a signature that is not Amazon's", .timeLimit(.minutes(4)))
  func amazon() async throws {
    let parts = try Dictionary(
      uniqueKeysWithValues: ["document", "signature", "rsa2048"].map {
        ("/latest/dynamic/instance-identity/\($0)", try fixture("aws_iid/\($0)"))
      })
    let answer: @Sendable (TestWebServer.Request) -> TestWebServer.Answer = { request in
      if request.head.uri == "/latest/api/token" {
        let isAsked =
          request.head.method == .PUT && request.head.headers["X-aws-ec2-metadata-token-ttl-seconds"] == ["300"]
        return isAsked ? .page(200, [], Array("session".utf8)) : .page(400, [], [])
      }
      guard request.head.headers["X-aws-ec2-metadata-token"] == ["session"] else { return .page(401, [], []) }
      return .page(parts[request.head.uri] == nil ? 404 : 200, [], parts[request.head.uri] ?? [])
    }
    try await TestWebServer.with(nil, reply: answer) { metadata in
      // Whoever asks Amazon's services has been let in too far.
      try await TestWebServer.with(nil, reply: { _ in .hangUp }) { services in
        let deployment = try Deployment()
        deployment.serverNodeAttestor = #"NodeAttestor "aws_iid" { plugin_data {} }"#
        deployment.agentNodeAttestor = """
          NodeAttestor "aws_iid" { plugin_data { ec2_metadata_endpoint = "http://127.0.0.1:\(metadata.port)/latest" } }
          """
        try await deployment.startServer(environment: [
          "AWS_ENDPOINT_URL": "http://127.0.0.1:\(services.port)", "AWS_ACCESS_KEY_ID": "A",
          "AWS_SECRET_ACCESS_KEY": "s",
        ])
        try await deployment.writeBundle()
        try await deployment.expectRefusal("failed verification of instance identity cryptographic signature")
        #expect(metadata.script.requests.map(\.method).starts(with: [.PUT, .GET, .GET, .GET]))
        #expect(try await deployment.agents().isEmpty)
        #expect(services.script.requests.isEmpty)
      }
    }
  }

  @Test("gcp_iit: keys through a proxy, one agent for an instance, tokens for others", .timeLimit(.minutes(3)))
  func google() async throws {
    let web = try TestPKI("web.test")
    let certificates = try fixture("gcp_iit/certs.json")
    let host = try web.server(hosts: ["www.googleapis.com"])
    let keys: @Sendable (String) -> TestWebServer.Answer = { uri in
      uri == "/oauth2/v1/certs" ? .page(200, [], certificates) : .page(404, [], [])
    }
    try await TestWebServer.with(host, answer: keys) { google in
      try await TestProxy.with(to: google.port) { proxy, port in
        try await attest(web, proxy, port)
      }
      #expect(google.script.requests.map(\.uri) == ["/oauth2/v1/certs"])
    }
  }

  private func attest(_ web: TestPKI, _ proxy: TestProxy, _ port: Int) async throws {
    let token = try fixture("gcp_iit/token")
    let others = try fixture("gcp_iit/token-for-others")
    let answer: @Sendable (TestWebServer.Request) -> TestWebServer.Answer = { request in
      guard request.head.headers["Metadata-Flavor"] == ["Google"] else { return .page(403, [], []) }
      let path = "/computeMetadata/v1/instance/service-accounts/"
      switch request.head.uri {
      case path + "default/identity?audience=spire-gcp-node-attestor&format=full": return .page(200, [], token)
      case path + "other/identity?audience=spire-gcp-node-attestor&format=full": return .page(200, [], others)
      default: return .page(404, [], [])
      }
    }
    try await TestWebServer.with(nil, reply: answer) { metadata in
      let deployment = try Deployment()
      let root = deployment.directory + "/web.pem"
      let body = Data(web.der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
      try "-----BEGIN CERTIFICATE-----\n\(body)\n-----END CERTIFICATE-----\n"
        .write(toFile: root, atomically: true, encoding: .utf8)
      func agent(_ account: String) -> String {
        """
        NodeAttestor "gcp_iit" { plugin_data {
          identity_token_host = "127.0.0.1:\(metadata.port)"
          service_account = "\(account)"
        } }
        """
      }
      deployment.serverNodeAttestor = """
        NodeAttestor "gcp_iit" { plugin_data { projectid_allow_list = ["big-kahuna-123456"] } }
        """
      try await deployment.startServer(environment: ["HTTPS_PROXY": "http://127.0.0.1:\(port)", "SSL_CERT_FILE": root])
      try await deployment.writeBundle()
      deployment.agentNodeAttestor = agent("other")
      try await deployment.expectRefusal("validation failed, invalid audience claim (aud)")
      #expect(try await deployment.agents().isEmpty)

      deployment.agentNodeAttestor = agent("default")
      try await deployment.startAgent(token: nil)
      let id = "/spire/agent/gcp_iit/big-kahuna-123456/8087716956832600000"
      #expect(try await deployment.agents() == [id])
      let shown = try await deployment.show(id)
      #expect(shown.contains("gcp_iit:sa:123456789-compute@developer.gserviceaccount.com"), "\(shown)")
      #expect(proxy.requests.allSatisfy { $0.hasPrefix("CONNECT www.googleapis.com:443 HTTP/1.1\r\n") })
      #expect(proxy.requests.count == 1)

      // Somebody else on the instance, with the same token.
      try await deployment.forgetAgent()
      try await deployment.expectRefusal(Deployment.usedUp)
    }
  }
}
