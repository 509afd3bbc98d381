import Daemon
import DaemonTesting
import Foundation
import HTTP
import HTTPTesting
import NIOHTTP1
import Synchronization
import Testing

@testable import AWS

/// Credentials from each place, asked for as AWS's own tools ask: test servers in the place of AWS, files of AWS's tools.
@Suite struct AWSServicesTests {
  private static func page(_ text: String, _ status: Int = 200) -> TestWebServer.Answer {
    .page(status, [], Array(text.utf8))
  }
  private static let time = Date(timeIntervalSince1970: 1_795_291_845)
  private static let temporary =
    #"{"Code":"Success","AccessKeyId":"A","SecretAccessKey":"s","Token":"t","Expiration":"2026-11-22T10:00:00Z"}"#
  private static let found = AWSCredentials(
    accessKeyID: "A", secretAccessKey: "s", sessionToken: "t", expiresAt: Date(timeIntervalSince1970: 1_795_341_600))

  private static func assumed(_ action: String, _ id: String) -> String {
    """
    <\(action)Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><\(action)Result><Credentials>
    <AccessKeyId>\(id)</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
    <Expiration>2026-11-22T10:00:00Z</Expiration></Credentials></\(action)Result></\(action)Response>
    """
  }

  private func credentials(_ environment: [String: String]) async throws -> AWSCredentials {
    try await AWSServices(given: nil, environment: environment, time: TestTime(Self.time))
      .credentials(region: "eu-west-1")
  }

  private func expectFound(_ environment: [String: String]) async throws {
    let credentials = try await credentials(environment)
    #expect(credentials == Self.found)
  }

  private func said(_ environment: [String: String]) async -> String {
    do { return "\(try await credentials(environment))" } catch { return "\(error)" }
  }

  // MARK: Container

  @Test func aContainersEndpoint() async throws {
    let folder = try AWSFolder()
    defer { withExtendedLifetime(folder) {} }
    try folder.write("token", "secret\n")
    let environment = folder.environment
    try await TestWebServer.with(nil, reply: { _ in Self.page(Self.temporary) }) { server in
      var environment = environment
      environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://127.0.0.1:\(server.port)/v1/credentials?x=1"
      environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "other"
      try await expectFound(environment)
      // The file counts more; it is read anew each time.
      environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = environment["HOME", default: ""] + "/token"
      try await expectFound(environment)
      let requests = server.script.requests
      #expect(requests.map(\.uri) == ["/v1/credentials?x=1", "/v1/credentials?x=1"])
      #expect(requests.map { $0.headers["authorization"] } == [["other"], ["secret"]])
      environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = "/nonexistent"
      #expect(await said(environment).contains("the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, /nonexistent"))
      #expect(server.script.requests.count == 2)
    }
  }

  @Test(arguments: [
    "http://example.org/", "http://10.0.0.1/", "http://169.254.169.254/", "http://127.0.0.1.evil.example/",
    "http://127.1/", "http://localhost.evil.example/",
  ])
  func theTokenStaysOnTheMachine(_ uri: String) async throws {
    let folder = try AWSFolder(["AWS_CONTAINER_CREDENTIALS_FULL_URI": uri])
    defer { withExtendedLifetime(folder) {} }
    #expect(await said(folder.environment).contains("only loopback/ecs/eks hosts are allowed"))
  }

  @Test func answersThatAreNone() async throws {
    let environment = try AWSFolder().environment
    for (status, body, expected) in [
      (200, "{}", "missing AccessKeyId in the answer"),
      (200, #"{"AccessKeyId":"A"}"#, "missing SecretAccessKey in the answer"),
      (200, "no", "the answer holds no credentials"),
      (200, #"{"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"soon"}"#, "Expiration in the answer is no time"),
      (200, #"{"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"2020-01-01T00:00:00Z"}"#, "ended at 2020-01-01"),
      (403, #"{"code":"AccessDenied","message":"go away"}"#, "AWS answers AccessDenied: go away"),
      (302, "", "http redirects are disabled"),
    ] {
      try await TestWebServer.with(nil, reply: { _ in .page(status, [("Location", "/x")], Array(body.utf8)) }) {
        server in
        var environment = environment
        environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://127.0.0.1:\(server.port)/"
        let said = await said(environment)
        #expect(said.contains(expected), "\(said)")
        #expect(server.script.requests.count == 1)
      }
    }
  }

  // MARK: Instance

  @Test func anInstancesRole() async throws {
    let environment = try AWSFolder().environment
    try await TestWebServer.with(
      nil,
      reply: { request in
        switch request.head.uri {
        case "/latest/api/token": Self.page("session")
        case "/latest/meta-data/iam/security-credentials/": Self.page("my-role\n")
        default: Self.page(Self.temporary)
        }
      }
    ) { server in
      var environment = environment
      environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:\(server.port)/latest"
      try await expectFound(environment)
      let requests = server.script.requests
      #expect(
        requests.map { "\($0.method) \($0.uri)" } == [
          "PUT /latest/api/token", "GET /latest/meta-data/iam/security-credentials/",
          "GET /latest/meta-data/iam/security-credentials/my-role",
        ])
      #expect(requests[0].headers["x-aws-ec2-metadata-token-ttl-seconds"] == ["300"])
      #expect(requests.dropFirst().allSatisfy { $0.headers["x-aws-ec2-metadata-token"] == ["session"] })
    }
  }

  @Test func anInstanceWithoutARoleOrWithoutTokens() async throws {
    let environment = try AWSFolder().environment
    try await TestWebServer.with(nil, reply: { _ in Self.page("", 404) }) { server in
      var environment = environment
      environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:\(server.port)"
      #expect(
        await said(environment).hasPrefix("the instance's metadata service: the instance has no role (status 404)"))
      environment["AWS_EC2_METADATA_V1_DISABLED"] = "true"
      #expect(await said(environment).contains("it gives no session token: status 404"))
      #expect(server.script.requests.map(\.method) == [.PUT, .GET, .PUT])
      server.script.reply { _ in
        Self.page(#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume the role"}"#)
      }
      #expect(
        await said(environment).contains("it answers AssumeRoleUnauthorizedAccess: EC2 cannot assume the role"))
    }
    var none = environment
    none["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"] = "IPv5"
    #expect(await said(none).contains("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is ipv5, not IPv4 or IPv6"))
  }

  // MARK: Security Token Service

  @Test func rolesAreAssumedOneAfterTheOther() async throws {
    let config = """
      [profile a]
      role_arn = arn:aws:iam::1:role/a
      source_profile = b
      external_id = x/y
      duration_seconds = 900
      [profile b]
      role_arn = arn:aws:iam::2:role/b
      source_profile = base
      """
    let credentials = "[base]\naws_access_key_id = AKID\naws_secret_access_key = k"
    let folder = try AWSFolder(["AWS_PROFILE": "a"], config: config, credentials: credentials)
    defer { withExtendedLifetime(folder) {} }
    let environment = folder.environment
    try await TestWebServer.with(
      nil,
      reply: { request in
        Self.page(
          Self.assumed("AssumeRole", String(decoding: request.body, as: UTF8.self).contains("%2Fb") ? "B" : "A"))
      }
    ) { server in
      var environment = environment
      environment["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:\(server.port)"
      try await expectFound(environment)
      let requests = server.script.received
      #expect(
        requests.map { String(decoding: $0.body, as: UTF8.self) } == [
          "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A2%3Arole%2Fb&RoleSessionName=spire-server",
          "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa&RoleSessionName=spire-server"
            + "&DurationSeconds=900&ExternalId=x%2Fy",
        ])
      #expect(
        requests.map { $0.head.headers["authorization"].first?.split(separator: "/").first.map(String.init) } == [
          "AWS4-HMAC-SHA256 Credential=AKID", "AWS4-HMAC-SHA256 Credential=B",
        ])
      // What fails is told with the way that led there.
      server.script.reply { _ in
        Self.page("<R><Error><Code>AccessDenied</Code><Message>no</Message></Error></R>", 403)
      }
      #expect(
        await said(environment)
          == "profile base: its keys: role arn:aws:iam::2:role/b: AssumeRole: AWS answers AccessDenied: no")
    }
  }

  @Test func aWebIdentity() async throws {
    let folder = try AWSFolder()
    defer { withExtendedLifetime(folder) {} }
    try folder.write("jwt", "a.b+c\n")
    var environment = folder.environment
    environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = folder.path + "/jwt"
    environment["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/r"
    let known = environment
    try await TestWebServer.with(
      nil, reply: { _ in Self.page(Self.assumed("AssumeRoleWithWebIdentity", "A")) }
    ) { server in
      var environment = known
      environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:\(server.port)"
      try await expectFound(environment)
      let request = try #require(server.script.received.first)
      #expect(request.head.headers["authorization"].isEmpty)
      #expect(
        String(decoding: request.body, as: UTF8.self)
          == "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"
          + "&RoleSessionName=spire-server&WebIdentityToken=a.b%2Bc")
      environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/nonexistent"
      #expect(
        await said(environment)
          == "the web identity /nonexistent: the file of the web identity's token, /nonexistent, is not there or empty")
      #expect(server.script.requests.count == 1)
    }
  }

  // MARK: Programs

  private func printed(_ script: String, _ answer: String = "") async throws -> String {
    let folder = try AWSFolder(config: "[default]\ncredential_process = . \"$HOME/script\"")
    defer { withExtendedLifetime(folder) {} }
    try folder.write("script", script)
    try folder.write("answer", answer)
    do {
      let found = try await credentials(folder.environment)
      return
        "\(found.accessKeyID) \(found.secretAccessKey) \(found.sessionToken ?? "-") \(found.expiresAt.map { "\($0.timeIntervalSince1970)" } ?? "-")"
    } catch { return "\(error)" }
  }

  @Test func aProgramPrintsCredentials() async throws {
    let prefix = "profile default: credential_process: "
    for (answer, expected) in [
      (
        #"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":"t","Expiration":"2026-11-22T10:00:00Z"}"#,
        "A s t 1795341600.0"
      ),
      (#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s"}"#, "A s - -"),
      (
        #"{"Version":2,"AccessKeyId":"A","SecretAccessKey":"s"}"#, prefix + "wrong version in process output (not 1)"
      ),
      (#"{"AccessKeyId":"A","SecretAccessKey":"s"}"#, prefix + "wrong version in process output (not 1)"),
      (#"{"Version":1,"SecretAccessKey":"s"}"#, prefix + "missing AccessKeyId in process output"),
      ("", prefix + "the output holds no credentials"),
    ] {
      #expect(try await printed("cat \"$HOME/answer\"", answer) == expected)
    }
    #expect(
      try await printed("echo 'no login' >&2; exit 3")
        == prefix + "the program failed with exit code 3")
    #expect(try await printed("yes").contains("printed more than 262144 bytes"))
    // It has this process's environment and no input.
    #expect(
      try await printed("cat; cat \"$HOME/answer\"", #"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s"}"#)
        == "A s - -")
  }

  // MARK: IAM Identity Center

  private static let sso = """
    [default]
    sso_session = corp
    sso_account_id = 123456789012
    sso_role_name = Read Only
    [sso-session corp]
    sso_region = us-east-1
    sso_start_url = https://corp.awsapps.com/start
    """

  @Test func whoeverLoggedIn() async throws {
    let folder = try AWSFolder(config: Self.sso)
    defer { withExtendedLifetime(folder) {} }
    let hash = try #require(shell("printf corp | sha1sum").split(separator: " ").first)
    try FileManager.default.createDirectory(atPath: folder.path + "/.aws/sso/cache", withIntermediateDirectories: true)
    let file = ".aws/sso/cache/\(hash).json"
    let (path, known) = (folder.path, folder.environment)
    try await TestWebServer.with(
      nil,
      reply: { _ in
        Self.page(
          #"{"roleCredentials":{"accessKeyId":"A","secretAccessKey":"s","sessionToken":"t","expiration":1795341600000}}"#
        )
      }
    ) { server in
      var environment = known
      environment["AWS_ENDPOINT_URL_SSO"] = "http://127.0.0.1:\(server.port)"
      let who = "profile default: the SSO role Read Only of account 123456789012: "
      #expect(
        await said(environment) == who
          + "there is no cached SSO token \(path)/\(file): run `aws sso login --profile default` as "
          + "the user that this server runs as")
      try folder.write(file, #"{"accessToken":"bearer","expiresAt":"2026-11-21T00:00:00Z"}"#)
      #expect(
        await said(environment).hasPrefix(
          who + "the cached SSO token ended at 2026-11-21T00:00:00Z: run `aws sso login"))
      try folder.write(file, #"{"accessToken":"","expiresAt":"2026-11-22T00:00:00Z"}"#)
      #expect(await said(environment).contains("the cached SSO token is empty"))
      #expect(server.script.requests.isEmpty)
      try folder.write(file, #"{"startUrl":"x","accessToken":"bearer","expiresAt":"2026-11-22T00:00:00Z"}"#)
      try await expectFound(environment)
      let head = try #require(server.script.requests.first)
      #expect(head.uri == "/federation/credentials?account_id=123456789012&role_name=Read%20Only")
      #expect(head.headers["x-amz-sso_bearer_token"] == ["bearer"])
      #expect(head.headers["authorization"].isEmpty)
      server.script.reply { _ in Self.page(#"{"message":"Session token not found or invalid"}"#, 401) }
      let said = await said(environment)
      #expect(said.contains("Session token not found or invalid") && !said.contains("bearer"))
    }
  }

  private func shell(_ command: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let bytes = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return String(decoding: bytes, as: UTF8.self)
  }

  // MARK: All together

  @Test func theyAreLookedUpOnce() async throws {
    let folder = try AWSFolder(config: "[default]\ncredential_process = . \"$HOME/script\"")
    defer { withExtendedLifetime(folder) {} }
    try folder.write(
      "answer", #"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"2026-11-22T10:00:00Z"}"#)
    try folder.write("script", "echo run >>\"$HOME/runs\"\ncat \"$HOME/answer\"")
    let time = TestTime(Self.time)
    let log = LogCapture()
    let services = AWSServices(given: nil, environment: folder.environment, time: time, logger: log.logger)
    _ = try await services.credentials(region: "eu-west-1")
    _ = try await services.credentials(region: "us-east-1")
    #expect(try String(contentsOfFile: folder.path + "/runs", encoding: .utf8) == "run\n")
    #expect(log.records.isEmpty)
    // As long as new ones cannot be had, the old ones serve, and the log says why.
    try folder.write("script", "echo run >>\"$HOME/runs\"\necho no login >&2\nexit 3")
    time.advance(by: .seconds(49_755 - 299))
    for _ in 0..<2 {
      let found = try await services.credentials(region: "eu-west-1")
      #expect(found.accessKeyID == "A")
    }
    #expect(try String(contentsOfFile: folder.path + "/runs", encoding: .utf8) == "run\nrun\n")
    let record = try #require(log.records.first)
    #expect(record.message == "Credentials of AWS could not be renewed; the old ones are used until they end")
    #expect(record.fields["error"] == "profile default: credential_process: the program failed with exit code 3")
    #expect(record.fields["stderr"] == "no login")
    time.advance(by: .seconds(299))
    await #expect(throws: AWSError.self) { try await services.credentials(region: "eu-west-1") }
    #expect(log.messages.last == "Credentials of AWS could not be had")
  }

  /// Whom to believe: the authorities of AWS_CA_BUNDLE alone.
  @Test func anAuthorityOfOnesOwn() async throws {
    let pki = try TestPKI("aws.test")
    let folder = try AWSFolder(config: "[default]\nca_bundle = x")
    defer { withExtendedLifetime(folder) {} }
    let lines = Data(pki.der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
    try folder.write("ca.pem", "-----BEGIN CERTIFICATE-----\n\(lines)\n-----END CERTIFICATE-----\n")
    let environment = folder.environment
    let shown = try pki.server(hosts: ["localhost"])
    try await TestWebServer.with(
      .init(certificate: shown.certificate, key: shown.key), reply: { _ in Self.page(Self.assumed("AssumeRole", "A")) }
    ) { server in
      var environment = environment.merging(["AWS_ACCESS_KEY_ID": "K", "AWS_SECRET_ACCESS_KEY": "k"]) { $1 }
      environment["AWS_ENDPOINT_URL"] = "https://localhost:\(server.port)"
      environment["AWS_CA_BUNDLE"] = environment["HOME", default: ""] + "/ca.pem"
      let services = AWSServices(given: nil, environment: environment, time: TestTime(Self.time))
      let role = "arn:aws:iam::1:role/r"
      func call(_ services: AWSServices) async throws {
        _ = try await services.api(role: role, region: "eu-west-1").query(
          .ec2, region: "eu-west-1", action: "X", version: "1", [])
      }
      try await call(services)
      environment["AWS_CA_BUNDLE"] = nil
      let others = AWSServices(given: nil, environment: environment, time: TestTime(Self.time))
      await #expect(throws: AWSError.self) { try await call(others) }
    }
  }
}
