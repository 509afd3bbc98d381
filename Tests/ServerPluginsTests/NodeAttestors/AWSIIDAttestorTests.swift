import CryptoExtras
import Daemon
import Foundation
import HTTPTesting
import NIOHTTP1
import NodeAttestorTesting
import Plugins
import SPIFFE
import Synchronization
import Testing

@testable import ServerPlugins

/// The server's half of `aws_iid`, against AWS's APIs in the forms of its documentation, with documents that keys of the
/// tests' own signed.
@Suite struct AWSIIDAttestorTests {
  private static let legacySigner = try? _RSA.Signing.PrivateKey(unsafeKeySize: .init(bitCount: 1024))
  private let now = Date()

  /// A document with AWS's RSA-1024 form of signature.
  private func payload(_ document: String) throws -> [UInt8] {
    let signature = try #require(Self.legacySigner).signature(for: Data(document.utf8), padding: .insecurePKCS1v1_5)
    let value: JSONValue = [
      "document": .string(document),
      "signature": .string(signature.rawRepresentation.base64EncodedString(options: .lineLength64Characters)),
      "rsa2048": "",
    ]
    return value.encoded()
  }

  private static let document = """
    {"accountId":"123456789012","availabilityZone":"us-west-2b","imageId":"ami-1","instanceId":"i-1","region":"us-west-2"}
    """

  private func keys() throws -> AWSSigningKeys {
    let legacy = Array(try #require(Self.legacySigner).publicKey.derRepresentation)
    let pkcs7 = try X509Certificates.publicKey(of: X509Certificates.parse(der: CMSFixtures.signer))
    return AWSSigningKeys(pkcs7: { $0 == "us-east-1" ? pkcs7 : nil }, legacy: { _ in legacy })
  }

  private func aws(_ request: TestWebServer.Request, attachedAfter seconds: Int, accounts: String)
    -> TestWebServer.Answer
  {
    func page(_ text: String) -> TestWebServer.Answer { .page(200, [], Array(text.utf8)) }
    let body = String(decoding: request.body, as: UTF8.self)
    if body.contains("Action=DescribeInstances") {
      return page(
        """
        <R><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><rootDeviceType>ebs</rootDeviceType>
        <rootDeviceName>/dev/xvda</rootDeviceName><groupSet><item><groupId>sg-1</groupId><groupName>web</groupName></item>
        </groupSet><blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><attachTime>2026-01-02T03:04:05.000Z</attachTime></ebs></item></blockDeviceMapping>
        <tagSet><item><key>Name</key><value>web-1</value></item></tagSet>
        <networkInterfaceSet><item><attachment><deviceIndex>0</deviceIndex><attachTime>2026-01-02T03:\
        \(seconds > 59 ? "06" : "04"):00.000Z</attachTime></attachment></item></networkInterfaceSet>
        <iamInstanceProfile><arn>arn:aws:iam::123456789012:instance-profile/path/p</arn></iamInstanceProfile>
        </item></instancesSet></item></reservationSet></R>
        """)
    }
    if body.contains("Action=GetInstanceProfile"), body.contains("InstanceProfileName=p") {
      return page(
        """
        <R><GetInstanceProfileResult><InstanceProfile><Roles><member><Arn>arn:aws:iam::123456789012:role/web</Arn></member>
        </Roles></InstanceProfile></GetInstanceProfileResult></R>
        """)
    }
    if body.contains("Action=AssumeRole") {
      return page(
        """
        <R><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
        <SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></R>
        """)
    }
    if request.head.headers["x-amz-target"] == ["AWSOrganizationsV20161128.ListAccounts"] { return page(accounts) }
    return .page(404, [], [])
  }

  private func with(
    _ configuration: String, attachedAfter seconds: Int = 5, accounts: String = "{}",
    _ body: @Sendable (AWSIIDAttestor, TestHost, TestWebServer) async throws -> Void
  ) async throws {
    try await TestWebServer.with(nil, reply: { aws($0, attachedAfter: seconds, accounts: accounts) }) { server in
      let host = try TestHost(now: now)
      let attestor = AWSIIDAttestor(
        host: host, keys: try keys(),
        environment: [
          "AWS_ENDPOINT_URL": "http://127.0.0.1:\(server.port)", "AWS_ACCESS_KEY_ID": "AKID",
          "AWS_SECRET_ACCESS_KEY": "secret",
        ], time: PatientTime(now: now))
      try attestor.configure(PluginData(text: configuration))
      try await body(attestor, host, server)
    }
  }

  /// What the attestor refuses these bytes with.
  private func says(_ attestor: AWSIIDAttestor, _ bytes: [UInt8]) async throws -> String {
    try await refusal { try await attest(attestor, bytes) }
  }

  private func attest(_ attestor: AWSIIDAttestor, _ payload: [UInt8]) async throws -> Attested {
    Attested(try await attestor.attest(payload, with: TestAgentSide { _ in [] }))
  }

  @Test func anInstanceIsAttestedOnce() async throws {
    let payload = try payload(Self.document)
    try await with("") { attestor, host, _ in
      let attested = try await attest(attestor, payload)
      #expect(
        attested
          == Attested(
            "/aws_iid/123456789012/us-west-2/i-1",
            [
              "account_id:123456789012", "az:us-west-2b", "iamrole:arn:aws:iam::123456789012:role/web",
              "image:id:ami-1",
              "instance:id:i-1", "region:us-west-2", "sg:id:sg-1", "sg:name:web", "tag:Name:web-1",
            ], canReattest: false))
      host.known.withLock { _ = $0.insert(attested.id) }
      let said1 = try await says(attestor, payload)
      #expect(
        said1
          == "PermissionDenied: attestation data has already been used to attest an agent")
    }
  }

  @Test func tagsMayNameTheAgentAndRolesBeAssumed() async throws {
    let payload = try payload(Self.document)
    let configuration = """
      assume_role = "spire", disable_instance_profile_selectors = true
      agent_path_template = "/{{ .PluginName }}/{{ .Region }}/{{ .Tags.Name }}"
      """
    try await with(configuration) { attestor, _, server in
      let attested = try await attest(attestor, payload)
      #expect(attested.id == "spiffe://example.org/spire/agent/aws_iid/us-west-2/web-1")
      #expect(!attested.selectors.contains { $0.hasPrefix("iamrole") })
      let bodies = server.script.received.map { String(decoding: $0.body, as: UTF8.self) }
      #expect(bodies[0].contains("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fspire"))
      #expect(server.script.requests[1].headers["authorization"].first?.contains("Credential=ASIA/") == true)
    }
  }

  @Test func aDiskThatCameLaterIsRefusedUnlessToldOtherwise() async throws {
    let payload = try payload(Self.document)
    try await with("", attachedAfter: 60) { attestor, _, _ in
      let said2 = try await says(attestor, payload)
      #expect(
        said2.hasPrefix(
          "Internal: failed aws ec2 attestation: failed checking the disparity device attach times"))
    }
    for configuration in ["skip_block_device = true", #"account_ids_for_local_validation = ["123456789012"]"#] {
      try await with(configuration, attachedAfter: 60) { attestor, _, _ in _ = try await attest(attestor, payload) }
    }
  }

  @Test func anotherOrganizationsAccountIsRefused() async throws {
    let payload = try payload(Self.document)
    let configuration =
      #"verify_organization { management_account_id = "1", assume_org_role = "org", org_account_map_ttl = "2m" }"#
    let member = #"{"Accounts":[{"Id":"123456789012","Status":"ACTIVE"}]}"#
    try await with(configuration, accounts: member) { attestor, _, _ in _ = try await attest(attestor, payload) }
    for accounts in [#"{"Accounts":[{"Id":"123456789012","Status":"SUSPENDED"}]}"#, "{}"] {
      try await with(configuration, accounts: accounts) { attestor, _, server in
        for _ in 0..<10 {
          let said3 = try await says(attestor, payload)
          #expect(
            said3
              == "Internal: failed aws ec2 attestation, nodes account id: 123456789012 is not part of configured "
              + "organization or doesn't have ACTIVE status")
        }
        let lists = server.script.requests.filter { !$0.headers["x-amz-target"].isEmpty }
        #expect(lists.count == 1 + MemberCache.retries, "whoever is on no list cannot make the server ask for ever")
      }
    }
  }

  /// Which interface is listed first says nothing: the one that the machine was made with has the index 0.
  @Test(arguments: [
    ([1, 0], "no error"),
    (
      [1],
      "Internal: failed aws ec2 attestation: the EC2 instance network interface with device index 0 is inaccessible"
    ),
    (
      [], "Internal: failed aws ec2 attestation: the EC2 instance network interface with device index 0 is inaccessible"
    ),
  ])
  func theFirstInterfaceCounts(_ indices: [Int], _ expected: String) async throws {
    let payload = try payload(Self.document)
    // The one that came later is not looked at.
    let interfaces = indices.map {
      """
      <item><attachment><deviceIndex>\($0)</deviceIndex><attachTime>2026-01-0\($0 == 0 ? 2 : 9)T03:04:05.000Z</attachTime>
      </attachment></item>
      """
    }.joined()
    let instance = """
      <R><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><rootDeviceType>ebs</rootDeviceType>
      <rootDeviceName>/dev/xvda</rootDeviceName><blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs>
      <attachTime>2026-01-02T03:04:05.000Z</attachTime></ebs></item></blockDeviceMapping>
      <networkInterfaceSet>\(interfaces)</networkInterfaceSet></item></instancesSet></item></reservationSet></R>
      """
    try await with("") { attestor, _, server in
      server.script.reply { _ in .page(200, [], Array(instance.utf8)) }
      let said = try await says(attestor, payload)
      #expect(said == expected)
    }
  }

  /// Amazon may take so long and no longer, however often it is asked in a step.
  @Test func aStepEndsInTime() async throws {
    let payload = try payload(Self.document)
    try await TestWebServer.with(nil, reply: { _ in .silence }) { server in
      let attestor = AWSIIDAttestor(
        host: try TestHost(now: now), keys: try keys(),
        environment: [
          "AWS_ENDPOINT_URL": "http://127.0.0.1:\(server.port)", "AWS_ACCESS_KEY_ID": "AKID",
          "AWS_SECRET_ACCESS_KEY": "secret",
        ], time: OverTime())
      try attestor.configure(PluginData(text: ""))
      let said = try await says(attestor, payload)
      #expect(said == "Internal: failed to describe instance: context deadline exceeded")
    }
  }

  /// Every wait is over as soon as it begins.
  private struct OverTime: TimeSource {
    var now: Date { Date() }
    var steady: Duration { .zero }
    func sleep(for duration: Duration) async throws {}
  }

  /// A server in a pod of EKS: the token of its service account, read anew, is what it has.
  @Test func aWebIdentityIsWhoTheServerIs() async throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("token-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    try "eyJ.pod.token".write(toFile: file, atomically: true, encoding: .utf8)
    let payload = try payload(Self.document)
    let answer: @Sendable (TestWebServer.Request) -> TestWebServer.Answer = { request in
      guard String(decoding: request.body, as: UTF8.self).contains("Action=AssumeRoleWithWebIdentity") else {
        return aws(request, attachedAfter: 5, accounts: "{}")
      }
      return .page(
        200, [],
        Array(
          """
          <R><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAPOD</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
          <SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
          </AssumeRoleWithWebIdentityResult></R>
          """.utf8))
    }
    try await TestWebServer.with(nil, reply: answer) { server in
      let attestor = AWSIIDAttestor(
        host: try TestHost(now: now), keys: try keys(),
        environment: [
          "AWS_ENDPOINT_URL": "http://127.0.0.1:\(server.port)", "AWS_WEB_IDENTITY_TOKEN_FILE": file,
          "AWS_ROLE_ARN": "arn:aws:iam::1:role/pod",
        ], time: PatientTime(now: now))
      try attestor.configure(PluginData(text: ""))
      _ = try await attest(attestor, payload)
      _ = try await attest(attestor, payload)
      let asked = server.script.received.map { String(decoding: $0.body, as: UTF8.self) }
      #expect(asked.filter { $0.contains("WebIdentityToken=eyJ.pod.token") }.count == 1)
      #expect(server.script.requests[0].headers["authorization"].isEmpty)
      #expect(server.script.requests[1].headers["authorization"].first?.contains("Credential=ASIAPOD/") == true)
    }
  }

  /// A cluster of one account is not that of another, which may have chosen the same name.
  @Test func clustersAreThoseOfTheAccountAndRegion() async throws {
    let nodes = ClusterNodes(time: PatientTime(now: now))
    let own = nodes.list(account: "1", region: "us-east-1")
    #expect(await own.contains("i-1") { () throws(Never) in ["i-1"] })
    #expect(nodes.list(account: "1", region: "us-east-1") === own)
    #expect(await !nodes.list(account: "2", region: "us-east-1").contains("i-1") { () throws(Never) in [] })
    #expect(await !nodes.list(account: "1", region: "us-east-2").contains("i-1") { () throws(Never) in [] })
  }

  // MARK: Signatures

  /// The document beside a signature is not what was signed.
  @Test func aDocumentBesideTheSignedOneIsRefused() async throws {
    let pkcs7 = Data(CMSFixtures.indefinite).base64EncodedString()
    @Sendable func payload(_ document: String) -> [UInt8] {
      let value: JSONValue = ["document": .string(document), "signature": "", "rsa2048": .string(pkcs7)]
      return value.encoded()
    }
    let forged = #"{"region":"us-east-1","accountId":"666666666666","instanceId":"i-2"}"#
    try await with("") { attestor, _, server in
      let said4 = try await says(attestor, payload(forged))
      #expect(
        said4
          == "InvalidArgument: instance identity document does not match the verified PKCS7 content")
      let said5 = try await says(attestor, payload(forged.replacing("us-east-1", with: "mars-1")))
      #expect(
        said5
          == #"Internal: failed to load the AWS CA certificate for region "mars-1": unsupported region "mars-1""#)
      // What was signed names no account.
      let signed = String(decoding: CMSFixtures.content, as: UTF8.self)
      let said6 = try await says(attestor, payload(signed))
      #expect(
        said6
          == "InvalidArgument: the instance identity document names no account or no instance")
      #expect(server.script.requests.isEmpty, "nothing is asked of AWS before a signature was verified")
    }
  }

  @Test func otherPayloadsAreRefused() async throws {
    let good = try payload(Self.document)
    let changed = String(decoding: good, as: UTF8.self).replacing("i-1", with: "i-2")
    try await with("") { attestor, _, server in
      for (payload, expected) in [
        (changed, "InvalidArgument: failed to verify the cryptographic signature"),
        ("{}", "InvalidArgument: failed to unmarshal the IID"), ("[", "InvalidArgument: failed to unmarshal the"),
        (#"{"document":"{}"}"#, "InvalidArgument: instance identity cryptographic signature is required"),
        (#"{"document":"{}","signature":"!"}"#, "InvalidArgument: failed to decode the IID signature"),
        (
          #"{"document":"{\"region\":\"us-east-1\"}","rsa2048":"AAAA"}"#,
          "InvalidArgument: failed to parse the instance identity cryptographic signature"
        ),
      ] {
        let text = try await says(attestor, Array(payload.utf8))
        #expect(text.hasPrefix(expected), "\(text)")
      }
      #expect(server.script.requests.isEmpty)
    }
  }

  @Test func amazonsKeysAreRead() throws {
    for region in ["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1"] {
      #expect(AWSSigningKeys.amazon.pkcs7(region)?.keyType == .rsa(bits: 2048))
    }
    #expect(AWSSigningKeys.amazon.pkcs7("mars-1") == nil)
    for region in ["us-east-1", "cn-north-1", "mars-1"] {
      #expect((try? _RSA.Signing.PublicKey(unsafeDERRepresentation: AWSSigningKeys.amazon.legacy(region))) != nil)
    }
  }

  @Test func configurationIsChecked() async throws {
    for (text, expected) in [
      (#"partition = "mars""#, #"invalid partition "mars", must be one of: [aws aws-cn aws-us-gov]"#),
      (#"access_key_id = "a""#, "configuration missing secret access key, but has access key id"),
      (#"secret_access_key = "a""#, "configuration missing access key id, but has secret access key"),
      ("verify_organization {}", #"please ensure that "management_account_id" & "assume_org_role" are present"#),
      (
        #"verify_organization { management_account_id = "1", assume_org_role = "r", org_account_map_ttl = "30s" }"#,
        #"please ensure that "org_account_map_ttl" if configured, it should be greater than or equal to "1m""#
      ),
      (
        #"verify_organization { account_list_file = "/nowhere", management_account_id = "1" }"#,
        #""account_list_file" is mutually exclusive with"#
      ),
    ] {
      let message = try await refusal { try AWSIIDSettings(PluginData(text: text), environment: [:]) }
      #expect(message.hasPrefix("InvalidArgument: " + expected), "\(message)")
    }
  }
}
