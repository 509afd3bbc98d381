import CryptoExtras
import Daemon
import Foundation
import HTTP
import NodeAttestorTesting
import Plugins
import SPIFFE
import Testing

@testable import ServerPlugins

/// `aws_iid` against moto's EC2, IAM, STS and Organizations over HTTP, in four accounts. moto checks the signature of each
/// request and the rights of whoever made it; documents are signed by openssl, with a key that is in the trust set here.
@Suite(
  .enabled(if: AWSWorld.python != nil, "needs moto: Scripts/prerequisites test"), .serialized,
  .timeLimit(.minutes(3)))
struct AWSWorldTests {
  private static let legacySigner = try? _RSA.Signing.PrivateKey(unsafeKeySize: .init(bitCount: 1024))

  private func attestor(
    _ world: AWSWorld, _ configuration: String, secret: String? = nil, environment: [String: String]? = nil
  ) throws -> AWSIIDAttestor {
    let legacy = Array(try #require(Self.legacySigner).publicKey.derRepresentation)
    let attestor = AWSIIDAttestor(
      host: try TestHost(), keys: AWSSigningKeys(pkcs7: { _ in nil }, legacy: { _ in legacy }),
      environment: environment ?? [
        "AWS_ENDPOINT_URL": world.content.url, "AWS_ACCESS_KEY_ID": world.content.keyID,
        "AWS_SECRET_ACCESS_KEY": secret ?? world.content.secret,
      ], time: SystemTime())
    try attestor.configure(PluginData(text: configuration))
    return attestor
  }

  private func payload(_ world: AWSWorld, _ instance: AWSWorld.Instance) throws -> [UInt8] {
    let region = world.content.region
    let document = """
      {
        "accountId" : "\(instance.account)",
        "availabilityZone" : "\(region)a",
        "imageId" : "\(instance.image)",
        "instanceId" : "\(instance.id)",
        "region" : "\(region)"
      }
      """
    let signature = try #require(Self.legacySigner).signature(for: Data(document.utf8), padding: .insecurePKCS1v1_5)
    return try Array(
      JSONEncoder().encode(["document": document, "signature": signature.rawRepresentation.base64EncodedString()]))
  }

  private func attest(
    _ world: AWSWorld, _ name: String = "nodes", _ configuration: String = #"assume_role = "delegate""#,
    secret: String? = nil, environment: [String: String]? = nil
  ) async throws -> (said: String, node: Attested?) {
    let instance = try #require(world.content.instances[name])
    let attestor = try attestor(world, configuration, secret: secret, environment: environment)
    let payload = try payload(world, instance)
    var node: (any VerifiedNode)?
    let said = try await refusal { node = try await attestor.attest(payload, with: TestAgentSide { _ in [] }) }
    return (said, node.map { Attested($0) })
  }

  @Test func amazonAsMotoHasIt() async throws {
    let world = try AWSWorld()
    let nodes = try #require(world.content.instances["nodes"])
    let region = world.content.region

    // All selectors, through a role in the node's account.
    let selectors = [
      "account_id:\(nodes.account)", "az:\(region)a", "iamrole:\(nodes.role)", "image:id:\(nodes.image)",
      "instance:id:\(nodes.id)", "region:\(region)", "sg:id:\(nodes.group)", "sg:name:web servers", "tag:Name:web-1",
      "tag:Path:../../server", "tag:empty:", "tag:team:a:b",
    ]
    let path = "/aws_iid/\(nodes.account)/\(region)/\(nodes.id)"
    var result = try await attest(world)
    #expect(result.said == "no error")
    #expect(result.node == Attested(path, selectors, canReattest: false))
    #expect(
      try world.calls() == [
        ["sts", "AssumeRole", world.content.management], ["ec2", "DescribeInstances", nodes.account],
        ["iam", "GetInstanceProfile", nodes.account],
      ])
    result = try await attest(
      world, "nodes", #"assume_role = "delegate", disable_instance_profile_selectors = true"#)
    #expect(result.node == Attested(path, selectors.filter { !$0.hasPrefix("iamrole") }, canReattest: false))

    // A template of tags, one of which would climb.
    let template = #"assume_role = "delegate", agent_path_template = "/aws/{{ .Tags.Name }}""#
    #expect(try await attest(world, "nodes", template).node?.id == "spiffe://example.org/spire/agent/aws/web-1")
    result = try await attest(world, "nodes", template.replacing(".Name", with: ".Path"))
    #expect(result.said.hasPrefix("Internal: failed to create spiffe ID: "), "\(result.said)")
    result = try await attest(world, "nodes", template.replacing(".Name", with: ".Nothing"))
    #expect(result.said.hasPrefix("Internal: failed to create spiffe ID: "), "\(result.said)")

    try await checkRights(world)
    try await checkProfiles(world)
    try await checkOrganizations(world)
    try await checkClusters(world)

    // A disk that came an hour later, and an instance that is no more.
    try world.tell("attach \(nodes.id) 3600")
    result = try await attest(world)
    #expect(
      result.said.hasPrefix("Internal: failed aws ec2 attestation: failed checking the disparity device attach times"),
      "\(result.said)")
    for more in ["skip_block_device = true", "account_ids_for_local_validation = [\"\(nodes.account)\"]"] {
      #expect(try await attest(world, "nodes", "assume_role = \"delegate\"\n" + more).node?.selectors == selectors)
    }
    try world.tell("terminate \(nodes.id)")
    #expect(
      try await attest(world).said
        == "Internal: failed to query AWS via describe-instances: returned no reservations")
  }

  /// What Amazon refuses is told, with its own words.
  private func checkRights(_ world: AWSWorld) async throws {
    for (configuration, secret, expected) in [
      ("", nil, "DescribeInstances: AWS answers "),
      (#"assume_role = "powerless""#, nil, "is not authorized to perform"),
      (#"assume_role = "delegate""#, "no", "AssumeRole: AWS answers SignatureDoesNotMatch"),
    ] as [(String, String?, String)] {
      let said = try await attest(world, "nodes", configuration, secret: secret).said
      #expect(said.hasPrefix("Internal: failed to describe instance: ") && said.contains(expected), "\(said)")
    }
  }

  /// The server as a profile has it: a role in the node's account, assumed with the keys that another profile prints.
  private func checkProfiles(_ world: AWSWorld) async throws {
    let nodes = try #require(world.content.instances["nodes"])
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("aws-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let keys: [String: Any] = [
      "Version": 1, "AccessKeyId": world.content.keyID, "SecretAccessKey": world.content.secret,
    ]
    try JSONSerialization.data(withJSONObject: keys).write(to: folder.appendingPathComponent("keys"))
    try """
    [profile node]
    role_arn = arn:aws:iam::\(nodes.account):role/delegate
    source_profile = base
    duration_seconds = 900
    [profile base]
    credential_process = cat "\(folder.path)/keys"
    """.write(to: folder.appendingPathComponent("config"), atomically: true, encoding: .utf8)
    let environment = [
      "AWS_ENDPOINT_URL": world.content.url, "AWS_PROFILE": "node", "AWS_CONFIG_FILE": folder.path + "/config",
      "PATH": "/usr/bin:/bin",
    ]
    _ = try world.calls()
    #expect(try await attest(world, "nodes", "", environment: environment).said == "no error")
    #expect(
      try world.calls().prefix(2) == [
        ["sts", "AssumeRole", world.content.management], ["ec2", "DescribeInstances", nodes.account],
      ])
    // As a pod with a web identity: STS is asked without a signature, all else in the role's name.
    try "a.b.c".write(to: folder.appendingPathComponent("jwt"), atomically: true, encoding: .utf8)
    var pod = [
      "AWS_ENDPOINT_URL": world.content.url, "AWS_WEB_IDENTITY_TOKEN_FILE": folder.path + "/jwt",
      "AWS_ROLE_ARN": "arn:aws:iam::\(nodes.account):role/delegate",
    ]
    try world.tell("unchecked 1")
    #expect(try await attest(world, "nodes", "", environment: pod).said == "no error")
    let actions = try world.calls().prefix(2).map { $0[1] }
    #expect(actions == ["AssumeRoleWithWebIdentity", "DescribeInstances"])
    pod["AWS_ROLE_ARN"] = "arn:aws:iam::\(nodes.account):role/powerless"
    try world.tell("unchecked 1")
    let said = try await attest(world, "nodes", "", environment: pod).said
    #expect(said.contains("assumed-role/powerless/spire-server is not authorized to perform"), "\(said)")
  }

  /// Whether the node is in a node group of a cluster, through EKS and Auto Scaling.
  private func checkClusters(_ world: AWSWorld) async throws {
    func configuration(_ cluster: String) -> String {
      """
      assume_role = "delegate"
      validate_eks_cluster_membership { eks_cluster_names = ["\(cluster)"] }
      """
    }
    try world.tell("unchecked 1000")
    _ = try world.calls()
    #expect(try await attest(world, "member", configuration("shop")).said == "no error")
    let asked = try world.calls().map { $0[0] }
    #expect(asked == ["sts", "eks", "eks", "autoscaling", "ec2"])
    let nodes = try #require(world.content.instances["nodes"])
    #expect(
      try await attest(world, "nodes", configuration("shop")).said
        == "Internal: failed aws eks attestation, nodes id: \(nodes.id) is not part of configured EKS cluster")
    let said = try await attest(world, "member", configuration("none")).said
    #expect(said.hasPrefix("Internal: failed aws eks attestation, issue while verifying if nodes id: "), "\(said)")
    try world.tell("unchecked 0")
  }

  /// Whose account the node is in: one that the organization has, one that it closed, one that it never had.
  private func checkOrganizations(_ world: AWSWorld) async throws {
    let configuration = """
      assume_role = "delegate"
      verify_organization { management_account_id = "\(world.content.management)", assume_org_role = "organization" }
      """
    _ = try world.calls()
    #expect(try await attest(world, "nodes", configuration).said == "no error")
    let asked = try world.calls().prefix(2).map { $0[1] }
    #expect(asked == ["AssumeRole", "ListAccounts"])
    for name in ["closed", "stranger"] {
      let account = try #require(world.content.instances[name]).account
      #expect(try await attest(world, name).said == "no error")
      #expect(
        try await attest(world, name, configuration).said
          == "Internal: failed aws ec2 attestation, nodes account id: \(account) is not part of configured organization "
          + "or doesn't have ACTIVE status")
    }
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("accounts-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    let nodes = try #require(world.content.instances["nodes"]).account
    try "[\"\(nodes)\"]".write(to: file, atomically: true, encoding: .utf8)
    let listed = "assume_role = \"delegate\"\nverify_organization { account_list_file = \"\(file.path)\" }"
    _ = try world.calls()
    #expect(try await attest(world, "nodes", listed).said == "no error")
    #expect(try await attest(world, "stranger", listed).said.contains("is not part of configured organization"))
    #expect(try !world.calls().contains { $0[1] == "ListAccounts" })
  }
}
