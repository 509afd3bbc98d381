import Foundation
import HTTP
import HTTPTesting
import NIOHTTP1
import NodeAttestorTesting
import NodeProofTesting
import Plugins
import SPIFFE
import Testing

@testable import ServerPlugins

/// Payloads of the clouds byte for byte, as the other implementation's agent sends them, and platforms that do not behave.
@Suite struct CloudFixtureTests {
  private func keys() throws -> AWSSigningKeys {
    let pkcs7 = try X509Certificates.publicKey(
      of: X509Certificates.parse(der: NodeProofFixtures.der("aws_iid/rsa2048.pem")))
    let legacyKey = try NodeProofFixtures.der("aws_iid/rsa1024.pub")
    return AWSSigningKeys(pkcs7: { $0 == "us-west-2" ? pkcs7 : nil }, legacy: { _ in legacyKey })
  }

  @Test(arguments: ["aws_iid-payload", "aws_iid-payload-rsa1024"]) func amazonsDocument(_ name: String) throws {
    let document = try VerifiedInstanceDocument(NodeProofFixtures.message(name), keys: keys())
    #expect(document.accountID == "123456789012")
    #expect(document.region == "us-west-2")
    #expect(document.instanceID == "i-0b22a22eec53b9321")
    #expect(document.imageID == "ami-5fb8c835")
    #expect(document.availabilityZone == "us-west-2b")
    let node = AWSNode(
      document, agentID: try TestHost().agentID("/x"), instances: [],
      roles: ["arn:aws:iam::1:role/b", "arn:aws:iam::1:role/b"])
    #expect(
      node.selectorValues == [
        "account_id:123456789012", "az:us-west-2b", "iamrole:arn:aws:iam::1:role/b", "image:id:ami-5fb8c835",
        "instance:id:i-0b22a22eec53b9321", "region:us-west-2",
      ])
  }

  private func google(_ server: TestWebServer, _ more: String = "") throws -> GCPIITAttestor {
    let place = "http://127.0.0.1:\(server.port)"
    var services = GoogleServices(security: HTTPSecurity(.web(.system(environment: [:]))), environment: [:])
    (services.certificates, services.compute, services.metadata) = (place + "/certs", place, place)
    let now = Date()
    let attestor = GCPIITAttestor(host: try TestHost(now: now), google: services, time: PatientTime(now: now))
    try attestor.configure(PluginData(text: #"projectid_allow_list = ["big-kahuna-123456"]"# + "\n" + more))
    return attestor
  }

  @Test func googlesToken() async throws {
    let certificates = Array(try NodeProofFixtures.text("gcp_iit/certs.json").utf8)
    let token = Array(try NodeProofFixtures.text("gcp_iit/token").utf8)
    try await TestWebServer.with(nil, answer: { _ in .page(200, [], certificates) }) { server in
      let template = "/{{ .PluginName }}/{{ .Zone }}/{{ .InstanceName }}/{{ .InstanceCreationTimestamp }}"
      let node = try await google(server, #"agent_path_template = "\#(template)""#)
        .attest(token, with: TestAgentSide { _ in [] })
      #expect(
        Attested(node)
          == Attested(
            "/gcp_iit/us-west1-b/blog-server/1577836800",
            [
              "project-id:big-kahuna-123456", "zone:us-west1-b", "instance-name:blog-server",
              "sa:123456789-compute@developer.gserviceaccount.com",
            ], canReattest: false))
    }
  }

  // MARK: Platforms that do not behave

  static let attacks: [TestWebServer.Answer] = [
    .redirection("http://169.254.169.254/latest/"), .endless, .hangUp,
    .page(200, [("X-Padding", String(repeating: "x", count: 128 << 10))], []),
    .page(200, [("Content-Encoding", "gzip")], [0x1F, 0x8B, 0x08, 0x00]),
  ]

  @Test(arguments: attacks) func keysThatAreNone(_ answer: TestWebServer.Answer) async throws {
    let token = Array(try NodeProofFixtures.text("gcp_iit/token").utf8)
    try await TestWebServer.with(nil, answer: { _ in answer }) { server in
      let attestor = try google(server)
      let said = try await refusal { try await attestor.attest(token, with: TestAgentSide { _ in [] }) }
      #expect(said.hasPrefix("Unavailable: unable to retrieve the platform's keys: "), "\(said)")
      #expect(server.script.requests.count == 1)
    }
  }

  @Test(arguments: attacks) func instancesThatAreNone(_ answer: TestWebServer.Answer) async throws {
    let certificates = Array(try NodeProofFixtures.text("gcp_iit/certs.json").utf8)
    let token = Array(try NodeProofFixtures.text("gcp_iit/token").utf8)
    for place in ["/computeMetadata", "/compute/v1"] {
      try await TestWebServer.with(
        nil,
        answer: { uri in
          if uri.hasPrefix(place) { return answer }
          if uri == "/certs" { return .page(200, [], certificates) }
          return .page(200, [], Array(#"{"access_token":"t","expires_in":60}"#.utf8))
        }
      ) { server in
        let attestor = try google(server, "use_instance_metadata = true")
        let said = try await refusal { try await attestor.attest(token, with: TestAgentSide { _ in [] }) }
        #expect(said.hasPrefix("Internal: failed to fetch instance metadata: "), "\(said)")
        #expect(server.script.requests.filter { $0.uri.hasPrefix(place) }.count == 1)
      }
    }
  }

  @Test(arguments: attacks) func servicesThatAreNone(_ answer: TestWebServer.Answer) async throws {
    try await TestWebServer.with(nil, answer: { _ in answer }) { server in
      let attestor = AWSIIDAttestor(
        host: try TestHost(), keys: try keys(),
        environment: [
          "AWS_ENDPOINT_URL": "http://127.0.0.1:\(server.port)", "AWS_ACCESS_KEY_ID": "A",
          "AWS_SECRET_ACCESS_KEY": "s",
        ], time: PatientTime(now: Date()))
      try attestor.configure(PluginData(text: ""))
      let payload = try NodeProofFixtures.message("aws_iid-payload")
      let said = try await refusal { try await attestor.attest(payload, with: TestAgentSide { _ in [] }) }
      #expect(said.hasPrefix("Internal: failed to describe instance: DescribeInstances: "), "\(said)")
      #expect(server.script.requests.count <= 3)
    }
  }
}
