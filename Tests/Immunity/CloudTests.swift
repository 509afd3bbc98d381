import Daemon
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

/// Documents and tokens of Amazon and Google that say one thing and prove another. Their origins are in
/// docs/security/immunity.md; the tokens were made by openssl, with the key that the platform of these tests publishes.
@Suite struct CloudTests {
  // MARK: Documents

  private static let fake = "InvalidArgument: failed verification of instance identity cryptographic signature"

  /// - Parameter regions: the regions whose key is the one of the fixtures; others have another one.
  private func keys(_ regions: Set<String> = ["us-west-2"]) throws -> AWSSigningKeys {
    let good = try X509Certificates.parse(der: NodeProofFixtures.der("aws_iid/rsa2048.pem"))
    let key = try X509Certificates.publicKey(of: good)
    guard let amazon = AWSSigningKeys.amazon.pkcs7("us-east-1") else { throw Missing() }
    let legacyKey = try NodeProofFixtures.der("aws_iid/rsa1024.pub")
    return AWSSigningKeys(pkcs7: { regions.contains($0) ? key : amazon }, legacy: { _ in legacyKey })
  }

  private struct Missing: Error {}

  private func said(_ payload: [UInt8], _ keys: AWSSigningKeys) async throws -> String {
    try await refusal { try VerifiedInstanceDocument(payload, keys: keys) }
  }

  private func payload(
    document: String? = nil, signature: String = "", rsa2048: String? = nil, more: [String: String] = [:]
  ) throws -> [UInt8] {
    var members = try [
      "document": document ?? NodeProofFixtures.text("aws_iid/document"), "signature": signature,
      "rsa2048": rsa2048 ?? NodeProofFixtures.text("aws_iid/rsa2048"),
    ]
    members.merge(more) { $1 }
    return Array(try JSONEncoder().encode(members))
  }

  /// A signed document with another one beside it, under the same name or another.
  @Test func aDocumentBesideTheSignedOne() async throws {
    let signed = try NodeProofFixtures.text("aws_iid/document")
    let mismatch = "InvalidArgument: instance identity document does not match the verified PKCS7 content"
    for other in [
      signed.replacing("123456789012", with: "666666666666"), signed.replacing("i-0b22", with: "i-0000"), signed + " ",
    ] {
      #expect(try await said(payload(document: other), keys()) == mismatch)
    }
    // Names are read without regard to case, as Go does, and the last one counts: for the signature as for the use.
    for name in ["Document", "DOCUMENT"] {
      let text = String(decoding: try payload(), as: UTF8.self)
      let forged = #""\#(name)":"{\"region\":\"us-west-2\",\"accountId\":\"6\",\"instanceId\":\"i-6\"}""#
      let after = Array((text.dropLast() + ",\(forged)}").utf8)
      #expect(try await said(after, keys()) == mismatch)
      let before = try VerifiedInstanceDocument(Array("{\(forged),\(text.dropFirst())".utf8), keys: keys())
      #expect(before.accountID == "123456789012")
    }
    let beside = try VerifiedInstanceDocument(payload(more: ["accountId": "6", "instanceId": "i-6"]), keys: keys())
    #expect(beside.accountID == "123456789012" && beside.instanceID == "i-0b22a22eec53b9321")
  }

  /// Who signed must be Amazon; a weaker signature beside a bad one does not count.
  @Test func aSignerWhoIsNotAmazon() async throws {
    #expect(try await said(payload(), keys([])).hasPrefix(Self.fake))
    #expect(try await said(payload(), .amazon).hasPrefix(Self.fake))
    let legacy = try NodeProofFixtures.text("aws_iid/signature")
    #expect(try await said(payload(signature: legacy), keys([])).hasPrefix(Self.fake))
    #expect(
      try await said(payload(signature: legacy, rsa2048: ""), .amazon)
        == "InvalidArgument: failed to verify the cryptographic signature: crypto/rsa: verification error")
    #expect(try await said(payload(signature: legacy, rsa2048: ""), keys()) == "no error")
  }

  /// The document names the region whose key is tried: the key of one region proves nothing about another.
  @Test func regionsHaveKeysOfTheirOwn() async throws {
    // Signed with the key of eu-west-1, says us-west-2.
    #expect(try await said(payload(), keys(["eu-west-1"])).hasPrefix(Self.fake))
    // Says one to the look-up of the key and another to the use.
    let signed = try NodeProofFixtures.text("aws_iid/document")
    let two = signed.replacing("{\n", with: "{ \"region\" : \"eu-west-1\",\n")
    #expect(try await said(payload(document: two), keys(["eu-west-1", "us-west-2"])).contains("does not match"))
    for region in ["", "mars-1", "us-west-2/", "../us-west-2", "US-WEST-2"] {
      let other = signed.replacing("us-west-2\"", with: region + "\"")
      let said = try await said(payload(document: other), .amazon)
      #expect(
        said
          == #"Internal: failed to load the AWS CA certificate for region "\#(region)": unsupported region "\#(region)""#
      )
    }
  }

  /// A tag is whatever somebody with rights on the machine's tags wrote.
  @Test(arguments: ["../../server", "a/b", "..", ".", "", "%2e%2e", "a b", "\n", "ä", "a?b", "a#b"])
  func tagsDoNotClimb(_ tag: String) async throws {
    let template = "/{{ .PluginName }}/{{ .Tags.Name }}"
    let escaped = tag.replacing("&", with: "&amp;").replacing("\n", with: "&#10;")
    let instance = """
      <R><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><rootDeviceType>instance-store</rootDeviceType>
      <tagSet><item><key>Name</key><value>\(escaped)</value></item></tagSet><networkInterfaceSet><item><attachment>
      <deviceIndex>0</deviceIndex></attachment></item></networkInterfaceSet></item></instancesSet></item></reservationSet></R>
      """
    try await TestWebServer.with(nil, answer: { _ in .page(200, [], Array(instance.utf8)) }) { server in
      let attestor = AWSIIDAttestor(
        host: try TestHost(), keys: try keys(),
        environment: [
          "AWS_ENDPOINT_URL": "http://127.0.0.1:\(server.port)", "AWS_ACCESS_KEY_ID": "A",
          "AWS_SECRET_ACCESS_KEY": "s",
        ], time: SystemTime())
      try attestor.configure(PluginData(text: #"agent_path_template = "\#(template)""#))
      let payload = try NodeProofFixtures.message("aws_iid-payload")
      let said = try await refusal { try await attestor.attest(payload, with: TestAgentSide { _ in [] }) }
      #expect(said.hasPrefix("Internal: failed to create spiffe ID: "), "\(said)")
      // As a selector it is a value like any other: nothing is made of it.
      try attestor.configure(PluginData(text: ""))
      let node = try await attestor.attest(payload, with: TestAgentSide { _ in [] })
      #expect(node.selectorValues.contains("tag:Name:\(tag)"))
      #expect(node.agentID.description.hasSuffix("/aws_iid/123456789012/us-west-2/i-0b22a22eec53b9321"))
      // Everything on the instance can read its document: the server lets one of those who come at once in.
      #expect(node.isFirstUseOnly && !node.canReattest)
    }
  }

  // MARK: Tokens

  private func attest(
    _ token: String, _ configuration: String = "", instance: String = "{}"
  ) async throws -> (said: String, node: Attested?, asked: [String]) {
    let token = Array(try NodeProofFixtures.text("gcp_iit/\(token)").utf8)
    let certificates = Array(try NodeProofFixtures.text("gcp_iit/certs.json").utf8)
    let answer: @Sendable (String) -> TestWebServer.Answer = { uri in
      if uri == "/certs" { return .page(200, [], certificates) }
      if uri.hasPrefix("/compute/") { return .page(200, [], Array(instance.utf8)) }
      return .page(200, [], Array(#"{"access_token":"t","expires_in":60}"#.utf8))
    }
    return try await TestWebServer.with(nil, answer: answer) { server in
      let place = "http://127.0.0.1:\(server.port)"
      var services = GoogleServices(security: HTTPSecurity(.web(.system(environment: [:]))), environment: [:])
      (services.certificates, services.compute, services.metadata) = (place + "/certs", place, place)
      let attestor = GCPIITAttestor(host: try TestHost(), google: services, time: SystemTime())
      try attestor.configure(PluginData(text: "projectid_allow_list = [\"big-kahuna-123456\"]\n" + configuration))
      var node: (any VerifiedNode)?
      let said = try await refusal { node = try await attestor.attest(token, with: TestAgentSide { _ in [] }) }
      return (said, node.map { Attested($0) }, server.script.requests.map(\.uri))
    }
  }

  @Test(arguments: [
    ("token", "no error"),
    (
      "token-without-end",
      "PermissionDenied: failed to validate the identity token claims: go-jose/go-jose/jwt: validation failed, the token "
        + "has no end (exp)"
    ),
    (
      "token-for-others",
      "PermissionDenied: failed to validate the identity token claims: go-jose/go-jose/jwt: validation failed, invalid "
        + "audience claim (aud)"
    ),
    ("token-none", "InvalidArgument: unable to parse the identity token: "),
    ("token-hs256", "InvalidArgument: unable to parse the identity token: "),
  ])
  func tokensThatProveNothing(_ token: String, _ expected: String) async throws {
    let result = try await attest(token)
    #expect(expected.hasSuffix(" ") ? result.said.hasPrefix(expected) : result.said == expected, "\(result.said)")
  }

  /// Nothing in a token says where its key is: not its name, and not a URL or a key that it brings along.
  @Test(arguments: ["token-key-is-a-url", "token-brings-its-key"])
  func aTokenDoesNotNameItsKey(_ token: String) async throws {
    let result = try await attest(token)
    #expect(
      result.said
        == "InvalidArgument: failed to validate the identity token signature: go-jose/go-jose: JWK with matching kid not "
        + "found in JWK Set")
    #expect(result.asked == ["/certs"])
  }

  /// A member that stands there twice is read once, or not at all.
  @Test func aClaimThatIsThereTwice() async throws {
    let result = try await attest("token-two-audiences-one-project-twice")
    #expect(result.said == "InvalidArgument: unable to parse the identity token: the token's claims are no JSON object")
  }

  /// Names of Google's are checked before they become part of a path or of a URL.
  @Test func namesAndLabelsDoNotClimb() async throws {
    let named = try await attest("token-climbs", #"agent_path_template = "/gcp_iit/{{ .InstanceName }}""#)
    #expect(named.said.hasPrefix("Internal: failed to create agent ID: "), "\(named.said)")
    let lookedUp = try await attest("token-climbs", "use_instance_metadata = true")
    #expect(lookedUp.said.hasSuffix("the token names an instance that no URL can name"), "\(lookedUp.said)")
    #expect(lookedUp.asked == ["/certs"])
    let instance = #"{"labels":{"team":"../../server","x":"y"},"tags":{"items":["../a"]}}"#
    let labelled = try await attest(
      "token", "use_instance_metadata = true\nallowed_label_keys = [\"team\"]", instance: instance)
    #expect(
      labelled.node
        == Attested(
          "/gcp_iit/big-kahuna-123456/8087716956832600000",
          [
            "project-id:big-kahuna-123456", "zone:us-west1-b", "instance-name:blog-server",
            "sa:123456789-compute@developer.gserviceaccount.com", "tag:../a", "label:team:../../server",
          ], canReattest: false))
  }
}
