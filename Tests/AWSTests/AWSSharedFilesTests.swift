import Foundation
import Mutations
import Testing

@testable import AWS

/// The files of AWS's tools: `~/.aws/config` and `~/.aws/credentials`.
@Suite struct AWSSharedFilesTests {
  static let config = """
    [default]
    region = eu-west-1
    [profile dev] ; ours
    services = local
    s3 =
      max_concurrent_requests = 20
    use_fips_endpoint = true
    [sso-session corp]
    sso_region = us-east-1
    [services local]
    sts =
      endpoint_url = http://127.0.0.1:1
      unknown = x
    ec2 =
    \tendpoint_url = http://127.0.0.1:2
    [plugins]
    cli_legacy_plugin_path = x
    """

  @Test func headingsAndWhatStandsBelow() {
    var files = AWSSharedFiles()
    files.add(config: Self.config)
    #expect(Set(files.profiles.keys) == ["default", "dev"])
    #expect(files.profiles["dev"]?["s3.max_concurrent_requests"] == "20")
    #expect(files.profiles["dev"]?["use_fips_endpoint"] == "true")
    #expect(files.sessions == ["corp": ["sso_region": "us-east-1"]])
    #expect(files.services["local"]?["sts.endpoint_url"] == "http://127.0.0.1:1")
    #expect(files.services["local"]?["ec2.endpoint_url"] == "http://127.0.0.1:2")
  }

  /// The example of docs/aws-credentials.md.
  @Test func theExampleOfThePage() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appending(path: "docs/aws-credentials.md"), encoding: .utf8)
    let example = try #require(page.split(separator: "```ini\n").last?.split(separator: "```").first)
    var files = AWSSharedFiles()
    files.add(config: String(example))
    let plan = try AWSCredentialChain(environment: ["AWS_PROFILE": "spire"], files: files).plan()
    #expect(plan.place == .process("/usr/local/bin/print-credentials --account 123456789012"))
    let role = AWSRole(
      arn: "arn:aws:iam::123456789012:role/spire-server", session: "spire-server", externalID: "example")
    #expect(plan.roles == [role])
  }

  @Test func theirPlaces() throws {
    let home = FileManager.default.temporaryDirectory.appending(path: "aws-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: home) }
    try FileManager.default.createDirectory(at: home.appending(path: ".aws"), withIntermediateDirectories: true)
    try "[profile x]\nregion = a".write(to: home.appending(path: ".aws/config"), atomically: false, encoding: .utf8)
    try "[y]\nregion = b".write(to: home.appending(path: ".aws/credentials"), atomically: false, encoding: .utf8)
    try "[z]\nregion = c".write(to: home.appending(path: "other"), atomically: false, encoding: .utf8)
    var environment = ["HOME": home.path]
    #expect(try Set(AWSSharedFiles(environment: environment).profiles.keys) == ["x", "y"])
    environment["AWS_SHARED_CREDENTIALS_FILE"] = home.appending(path: "other").path
    #expect(try Set(AWSSharedFiles(environment: environment).profiles.keys) == ["x", "z"])
    environment["AWS_CONFIG_FILE"] = home.appending(path: "none").path
    #expect(try Set(AWSSharedFiles(environment: environment).profiles.keys) == ["z"])
    environment["AWS_CONFIG_FILE"] = home.path
    #expect(throws: AWSError.self) { try AWSSharedFiles(environment: environment) }
    environment["AWS_CONFIG_FILE"] = "/dev/zero"
    #expect(throws: AWSError.self) { try AWSSharedFiles(environment: environment) }
    #expect(try AWSSharedFiles(environment: [:]) == AWSSharedFiles())
  }

  @Test func anyBytesAreRead() {
    let seed = Self.config + "\n[profile me]\nrole_arn = a\nsource_profile = me\naws_access_key_id = A"
    for bytes in Mutations(of: seed, count: 2000) {
      var files = AWSSharedFiles()
      files.add(config: String(decoding: bytes, as: UTF8.self))
      files.add(credentials: String(decoding: bytes, as: UTF8.self))
      for name in files.profiles.keys {
        _ = try? AWSCredentialChain(environment: ["AWS_PROFILE": name], files: files).plan()
      }
    }
  }
}
